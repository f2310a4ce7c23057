package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/countersign/countersign"
)

// robot is an API user that signs its requests.
type robot struct {
	id  string
	key *rsa.PrivateKey
}

// newRobot registers an API user that holds every permission of the directory.
func newRobot(t *testing.T, url, token string) robot {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, demoKeyBits)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	var me, made struct {
		ID   string `json:"id"`
		User struct {
			ID string `json:"id"`
		} `json:"user"`
	}
	for _, step := range []struct {
		method, path string
		body         func() any
		into         any
		status       int
	}{
		{"GET", "/me", func() any { return nil }, &me, http.StatusOK},
		{"POST", "/users", func() any {
			return map[string]any{"type": "api_user", "name": "robot", "role": "viewer", "responsible_person_id": me.User.ID, "permissions": countersign.DirectoryPermissions()}
		}, &made, http.StatusCreated},
		{"POST", "/credentials", func() any {
			return map[string]any{"user_id": made.ID, "type": "signing_key", "public_key": string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))}
		}, nil, http.StatusCreated},
	} {
		status, err := ask(t.Context(), step.method, url+"/directory/v1"+step.path, token, step.body(), step.into)
		if err != nil || status != step.status {
			t.Fatalf("%s answered %d, %v", step.path, status, err)
		}
	}
	return robot{made.ID, key}
}

// sign makes a request as the published clients do.
func (r robot) sign(ctx context.Context, method, base, path, body string) (*http.Request, error) {
	sum := sha256.Sum256([]byte(body))
	now := time.Now().Unix()
	claims, err := json.Marshal(map[string]any{
		"uri": path, "nonce": uuid.NewString(), "iat": now, "exp": now + 55, "sub": r.id, "bodyHash": hex.EncodeToString(sum[:]),
	})
	if err != nil {
		return nil, err
	}
	b64 := base64.RawURLEncoding.EncodeToString
	signed := b64([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + b64(claims)
	digest := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(nil, r.key, crypto.SHA256, digest[:])
	if err != nil {
		return nil, err
	}
	out, err := http.NewRequestWithContext(ctx, method, base+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	out.Header.Set("X-API-Key", r.id)
	out.Header.Set("Authorization", "Bearer "+signed+"."+b64(signature))
	out.Header.Set("Content-Type", "application/json")
	return out, nil
}

// call signs, sends and reads.
func (r robot) call(t *testing.T, method, base, path, body, key string) (int, string) {
	t.Helper()
	in, err := r.sign(t.Context(), method, base, path, body)
	if err != nil {
		t.Fatal(err)
	}
	if key != "" {
		in.Header.Set("Idempotency-Key", key)
	}
	answer, err := http.DefaultClient.Do(in)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

// killer stands between a client and a server. It lets requests through, and
// when the server begins to answer it kills the server and keeps the answer.
type killer struct {
	url    string
	answer chan []byte
}

func newKiller(t *testing.T, server *program) killer {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	k := killer{"http://" + l.Addr().String(), make(chan []byte, 1)}
	go func() {
		defer close(k.answer)
		client, err := l.Accept()
		if err != nil {
			return
		}
		defer client.Close()
		behind, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(server.url, "http://"))
		if err != nil {
			return
		}
		defer behind.Close()
		go func() { _, _ = io.Copy(behind, client) }()
		buffer := make([]byte, 64<<10)
		n, _ := behind.Read(buffer)
		server.kill()
		k.answer <- buffer[:n]
	}()
	return k
}

// TestAnAnswerLostToAKillIsGivenAgain kills the server after it has committed
// and before the client has got a byte. The same key then gets the same answer,
// byte for byte, and there is one group.
func TestAnAnswerLostToAKillIsGivenAgain(t *testing.T) {
	const path, body = "/v1/management/user_groups", `{"groupName":"Once","memberIds":[]}`
	db := filepath.Join(t.TempDir(), "countersign.db")
	server := start(t, "serve", "--db", db, "--listen", "127.0.0.1:0")
	by := newRobot(t, server.url, found(t, server))
	for round := range 3 {
		key := fmt.Sprint("key ", round)
		text := strings.Replace(body, "Once", key, 1)
		between := newKiller(t, server)
		in, err := by.sign(t.Context(), "POST", between.url, path, text)
		if err != nil {
			t.Fatal(err)
		}
		in.Header.Set("Idempotency-Key", key)
		if answer, err := http.DefaultClient.Do(in); err == nil {
			answer.Body.Close()
			t.Fatal("the client got an answer")
		}
		lost, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(<-between.answer)), in)
		if err != nil {
			t.Fatalf("the server sent no answer: %v", err)
		}
		want, err := io.ReadAll(lost.Body)
		lost.Body.Close()
		if err != nil || lost.StatusCode != http.StatusCreated {
			t.Fatalf("the lost answer is %d %s (%v)", lost.StatusCode, want, err)
		}
		server = start(t, "serve", "--db", db, "--listen", "127.0.0.1:0")
		for range 2 {
			if status, got := by.call(t, "POST", server.url, path, text, key); status != http.StatusCreated || got != string(want) {
				t.Errorf("replayed %d %s, lost %s", status, got, want)
			}
		}
		if _, list := by.call(t, "GET", server.url, path, "", ""); strings.Count(list, `"`+key+`"`) != 1 {
			t.Errorf("not one group: %s", list)
		}
	}
	stop(t, server)
}

// TestDialectsCanBeMountedOrSwitchedOff asks a running server.
func TestDialectsCanBeMountedOrSwitchedOff(t *testing.T) {
	const path = "/v1/management/user_groups"
	db := filepath.Join(t.TempDir(), "countersign.db")
	server := start(t, "serve", "--db", db, "--listen", "127.0.0.1:0", "--mount", "fireblocks=/fb")
	by := newRobot(t, server.url, found(t, server))
	for _, at := range []string{"", "/fb"} {
		if status, text := by.call(t, "GET", server.url, at+path, "", ""); status != http.StatusOK || text != "[]" {
			t.Errorf("at %q: %d %s", at, status, text)
		}
	}
	stop(t, server)
	server = start(t, "serve", "--db", db, "--listen", "127.0.0.1:0", "--mount", "fireblocks=off")
	if status, text := by.call(t, "GET", server.url, path, "", ""); status != http.StatusNotFound || !strings.Contains(text, "urn:countersign") {
		t.Errorf("switched off: %d %s", status, text)
	}
	stop(t, server)
}

func TestMountsAreWrittenOneWay(t *testing.T) {
	for _, good := range [][]string{nil, {"fireblocks=/fireblocks"}, {"fireblocks=/a/b-c_9"}, {"fireblocks=off"}, {"fordefi=/f", "fireblocks=off"}} {
		if _, err := parseMounts(good); err != nil {
			t.Errorf("%v: %v", good, err)
		}
	}
	for _, bad := range []string{
		"", "fireblocks", "fireblocks=", "fireblocks=fb", "fireblocks=/", "fireblocks=/fb/", "fireblocks=//fb", "fireblocks=/a//b",
		"fireblocks=/a b", "fireblocks=/%41", "fireblocks=/a/../b", "fireblocks=/é", "directory=/d", "nobody=/x", "=/x", "fireblocks=OFF",
		"fireblocks=/" + strings.Repeat("a", 100),
	} {
		if _, err := parseMounts([]string{bad}); err == nil {
			t.Errorf("--mount %q is taken", bad)
		}
	}
	if _, err := parseMounts([]string{"fireblocks=/a", "fireblocks=/b"}); err == nil {
		t.Error("one dialect is taken twice")
	}
}
