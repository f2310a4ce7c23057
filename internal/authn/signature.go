package authn

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"math"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/roster"
)

// Codes of why a signed request is not accepted, in the order in which they are
// looked for (contracts/fireblocks.md section 2, "Check order and code").
const (
	CodeTokenMissing   = "token_missing"
	CodeTokenFormat    = "token_format"
	CodeKeyMissing     = "api_key_missing"
	CodeNotAccepted    = "not_accepted"
	CodeSignature      = "signature_invalid"
	CodeKeyExpired     = "key_expired"
	CodeOtherUser      = "subject_differs"
	CodeOtherTarget    = "uri_differs"
	CodeRequestExpired = "request_expired"
	CodeIssuedLater    = "issued_in_the_future"
)

const (
	// maxSignedToken is several times what a 4096-bit key and a long query make.
	maxSignedToken = 12 << 10
	// maxNonce bounds the raw text of a nonce; a UUID has 38 characters.
	maxNonce = 256
	// maxAhead is how far iat may lie in the future, and maxSignedLife how far exp
	// may lie beyond iat; every official client uses 55 s.
	maxAhead      = 30 * time.Second
	maxSignedLife = 120 * time.Second
	// latest bounds times before they are computed with: the year 5138.
	latest = 1e11
	// rememberedHomes bounds what is remembered between requests.
	rememberedHomes = 100_000
)

// SignedRequest is what a signature says something about.
type SignedRequest struct {
	// APIKey and Authorization are all values of those headers.
	APIKey        []string
	Authorization []string
	Method        string
	// Target is the request target as it was sent, never decoded.
	Target string
	// Mount is the prefix under which the API may also be reached; a proxy may
	// have removed it, or the client may not have signed it.
	Mount string
	// Body reads the body; it is called once the token is known to be good.
	Body func() ([]byte, error)
	// From is the caller's address.
	From netip.Addr
}

// Signed is a request whose signature holds.
type Signed struct {
	Actor countersign.Actor
	Nonce Nonce
}

// Signatures recognises requests that API users sign with a registered key
// (contracts/fireblocks.md section 2). It is safe for concurrent use.
//
// A token is parsed and bounded before anything is looked up, its signature is
// checked before any claim is believed, and the body is hashed before anybody
// parses it. Nonces are not used up here, because a request may yet be refused
// for its rate: see Nonces.
type Signatures struct {
	engine *engine.Engine
	now    func() time.Time

	ring keyring

	mu sync.Mutex // guards homes, which is emptied when it is full
	// homes never change: a user belongs to one organization for good.
	homes map[countersign.UserID]countersign.OrganizationID
}

// NewSignatures returns a verifier over the rosters of an engine.
func NewSignatures(e *engine.Engine, now func() time.Time) *Signatures {
	return &Signatures{engine: e, now: now, homes: map[countersign.UserID]countersign.OrganizationID{}}
}

func unsigned(code, message string) error {
	return countersign.Code(countersign.Unauthenticated, code, "", message)
}

// notAccepted is told whatever is wrong with the claims, the key, the account or
// its address: who cannot call learns nothing about it.
func notAccepted() error { return unsigned(CodeNotAccepted, "Unauthorized: Token was not accepted.") }

func badFormat() error { return unsigned(CodeTokenFormat, "Unauthorized: Invalid token format") }

// Verify resolves who signed a request.
func (s *Signatures) Verify(ctx context.Context, r SignedRequest) (Signed, error) {
	t, err := readToken(r.Authorization)
	if err != nil {
		return Signed{}, err
	}
	subject, _ := text(t.claims.Subject)
	if len(r.APIKey) != 1 || r.APIKey[0] == "" || subject == "" {
		return Signed{}, unsigned(CodeKeyMissing, "Unauthorized: the API key is missing: send it as X-API-Key and as sub of the token.")
	}
	id, err := countersign.ParseUUID("", r.APIKey[0])
	if err != nil {
		return Signed{}, notAccepted()
	}
	user := countersign.UserID(id)
	org, picture, err := s.home(ctx, user)
	if err != nil {
		return Signed{}, err
	}
	credential, err := s.check(t, picture.Credentials(user))
	if err != nil {
		return Signed{}, err
	}
	if err := s.claims(t.claims, r); err != nil {
		return Signed{}, err
	}
	if err := checkBody(t.claims.BodyHash, r); err != nil {
		return Signed{}, err
	}
	actor, err := signer(picture, org, user, credential, r.From)
	return Signed{Actor: actor, Nonce: nonceOf(user, t.claims.Nonce)}, err
}

// home finds the organization of an API user.
func (s *Signatures) home(ctx context.Context, user countersign.UserID) (countersign.OrganizationID, *roster.Picture, error) {
	s.mu.Lock()
	org, known := s.homes[user]
	s.mu.Unlock()
	if !known {
		found, err := s.engine.Home(ctx, user)
		if errors.Is(err, countersign.NotFound) {
			return "", nil, notAccepted()
		}
		if err != nil {
			return "", nil, err
		}
		org = found
		s.mu.Lock()
		if len(s.homes) >= rememberedHomes {
			clear(s.homes)
		}
		s.homes[user] = org
		s.mu.Unlock()
	}
	picture, err := s.engine.Picture(ctx, org)
	return org, picture, err
}

// check finds the key that made the signature among those of the user. One that
// has expired is told apart, because its owner can do something about it.
func (s *Signatures) check(t token, credentials []countersign.Credential) (countersign.Credential, error) {
	now := s.now()
	keys := 0
	for _, c := range credentials {
		if c.Type != countersign.SigningKey || c.State != countersign.CredentialActive {
			continue
		}
		keys++
		key, err := s.ring.key(c.PublicKey)
		if err != nil {
			return c, err
		}
		if _, err := t.signature.Verify(key); err != nil {
			continue
		}
		if !c.WorksAt(now) {
			return c, unsigned(CodeKeyExpired, "Unauthorized: the certificate of the API user has expired.")
		}
		return c, nil
	}
	if keys == 0 {
		return countersign.Credential{}, notAccepted()
	}
	return countersign.Credential{}, unsigned(CodeSignature, "invalid signature")
}

// claims compares what was signed with the request, in the order of the contract.
func (s *Signatures) claims(c claims, r SignedRequest) error {
	if subject, ok := text(c.Subject); !ok || subject != r.APIKey[0] {
		return unsigned(CodeOtherUser, "Unauthorized: the token was issued for another API key.")
	}
	if uri, ok := text(c.URI); !ok || !sameTarget(uri, r.Target, r.Mount) {
		return unsigned(CodeOtherTarget, "Unauthorized: the uri of the token is not that of the request.")
	}
	expires, ends := moment(c.Expires)
	issued, begins := moment(c.Issued)
	if !ends || !begins {
		return notAccepted()
	}
	now := s.now()
	switch life := expires.Sub(issued); {
	case !expires.After(now):
		return unsigned(CodeRequestExpired, "The request has expired.")
	case issued.After(now.Add(maxAhead)):
		return unsigned(CodeIssuedLater, "The request is with a future issuance timestamp (iat).")
	case life > maxSignedLife || life <= 0:
		return notAccepted()
	}
	switch kind := c.Nonce.Kind(); {
	case kind != jsontext.KindString && kind != jsontext.KindNumber, len(c.Nonce) > maxNonce, string(c.Nonce) == `""`:
		return notAccepted()
	}
	return nil
}

// sameTarget compares a uri claim with the raw target, byte for byte: as it was
// sent, with doubled slashes of its path as one, and each of these with the
// mount prefix removed or added.
func sameTarget(claim, target, mount string) bool {
	for _, t := range []string{target, collapsed(target)} {
		if claim == t {
			return true
		}
		if mount == "" {
			continue
		}
		inner, mounted := strings.CutPrefix(t, mount)
		if claim == mount+t || (mounted && strings.HasPrefix(inner, "/") && claim == inner) {
			return true
		}
	}
	return false
}

func collapsed(target string) string {
	path, query, asked := strings.Cut(target, "?")
	for strings.Contains(path, "//") {
		path = strings.ReplaceAll(path, "//", "/")
	}
	if asked {
		path += "?" + query
	}
	return path
}

// emptyHashes are what clients hash when there is no body: nothing, two double
// quotes, or the word null.
func emptyHashes() []string {
	return []string{
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"12ae32cb1ec02d01eda3581b127c1fee3b0dc53572ed6baf239721a03d82e126",
		"74234e98afe7498fb5daf1f36ac2d78acc339464f950703b8c019892f982b90b",
	}
}

// checkBody compares the body with its hash before anybody parses it. A body of
// other methods is hashed by no client and read by none of our handlers.
func checkBody(claim jsontext.Value, r SignedRequest) error {
	var body []byte
	if r.Method == http.MethodPost || r.Method == http.MethodPut || r.Method == http.MethodPatch {
		read, err := r.Body()
		if err != nil {
			return err
		}
		body = read
	}
	hash, given := text(claim)
	switch absent := len(claim) == 0 || claim.Kind() == jsontext.KindNull; {
	case len(body) > 0:
		sum := sha256.Sum256(body)
		if !given || hash != hex.EncodeToString(sum[:]) {
			return notAccepted()
		}
	case !absent && !slices.Contains(emptyHashes(), hash):
		return notAccepted()
	}
	return nil
}

// signer is the actor behind a good signature, if he may call at all.
func signer(picture *roster.Picture, org countersign.OrganizationID, id countersign.UserID, c countersign.Credential, from netip.Addr) (countersign.Actor, error) {
	user, ok := picture.Account(id)
	if !ok || user.State != countersign.UserActive || !allowed(user.AllowedIPs, from) {
		return countersign.Actor{}, notAccepted()
	}
	person, ok := picture.Account(user.ResponsiblePersonID)
	if !ok || person.State != countersign.UserActive {
		return countersign.Actor{}, notAccepted()
	}
	return countersign.Actor{
		Organization: org, User: id, Type: user.Type, ResponsiblePerson: person.ID, Credential: c.ID, Method: countersign.BySignature,
	}, nil
}

// token is a token that was read and is not believed yet.
type token struct {
	signature *jose.JSONWebSignature
	claims    claims
}

// claims of a signed request; others are ignored, as by whom the clients were
// written for. A nonce is kept as it was written: a number of 63 bits would lose
// digits otherwise.
type claims struct {
	URI      jsontext.Value `json:"uri"`
	Nonce    jsontext.Value `json:"nonce"`
	Issued   jsontext.Value `json:"iat"`
	Expires  jsontext.Value `json:"exp"`
	Subject  jsontext.Value `json:"sub"`
	BodyHash jsontext.Value `json:"bodyHash"`
}

// text reads a claim that is a text.
func text(v jsontext.Value) (string, bool) {
	if v.Kind() != jsontext.KindString {
		return "", false
	}
	plain, err := jsontext.AppendUnquote(nil, v)
	return string(plain), err == nil
}

// moment reads a claim that is a time in seconds.
func moment(v jsontext.Value) (time.Time, bool) {
	if v.Kind() != jsontext.KindNumber {
		return time.Time{}, false
	}
	seconds, err := strconv.ParseFloat(string(v), 64)
	if err != nil || seconds < 0 || seconds > latest {
		return time.Time{}, false
	}
	whole, fraction := math.Modf(seconds)
	return time.Unix(int64(whole), int64(fraction*float64(time.Second))), true
}

// header holds every member a header may have. None of it says where a key is:
// a key that comes with a token proves nothing, and none is ever fetched.
type header struct {
	Algorithm string `json:"alg"`
	Type      string `json:"typ"`
	// KeyID is not looked at.
	KeyID string `json:"kid"`
}

// readToken takes the token out of the header and apart.
func readToken(authorization []string) (token, error) {
	if len(authorization) == 0 || len(authorization) == 1 && authorization[0] == "" {
		return token{}, unsigned(CodeTokenMissing, "Unauthorized: the token is missing: send it as Authorization: Bearer <JWT>.")
	}
	scheme, text, _ := strings.Cut(authorization[0], " ")
	text = strings.Trim(text, " ")
	if len(authorization) > 1 || !strings.EqualFold(scheme, "Bearer") || len(text) > maxSignedToken {
		return token{}, badFormat()
	}
	if text == "" {
		return token{}, unsigned(CodeTokenMissing, "Unauthorized: the token is missing: send it as Authorization: Bearer <JWT>.")
	}
	return parseToken(text)
}

func parseToken(text string) (token, error) {
	// Decoders of base64 skip line ends, so the letters are looked at here.
	if strings.Count(text, ".") != 2 || strings.HasSuffix(text, ".") || strings.IndexFunc(text, notInToken) >= 0 {
		return token{}, badFormat()
	}
	parts := strings.Split(text, ".")
	var h header
	if !decodePart(parts[0], &h, json.RejectUnknownMembers(true)) || h.Algorithm != string(jose.RS256) || (h.Type != "" && h.Type != "JWT") {
		return token{}, badFormat()
	}
	var t token
	if !decodePart(parts[1], &t.claims) {
		return token{}, badFormat()
	}
	signature, err := jose.ParseSignedCompact(text, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		return token{}, badFormat()
	}
	t.signature = signature
	return t, nil
}

func notInToken(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_' && r != '.'
}

// decodePart reads one JSON object, without duplicate members or anything
// behind it.
func decodePart(part string, into any, options ...json.Options) bool {
	text, err := base64.RawURLEncoding.Strict().DecodeString(part)
	if err != nil || len(text) == 0 || text[0] != '{' {
		return false
	}
	return json.Unmarshal(text, into, options...) == nil
}
