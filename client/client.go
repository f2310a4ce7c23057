package client

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	defaultTimeout = 30 * time.Second
	// defaultMaxAnswer is well above the largest answer there is today, a change
	// whose operations hold 8 MB of member ids, twice with its effects.
	defaultMaxAnswer = 64 << 20
	// directoryPath is where the native API lives; a base URL may end in it.
	directoryPath = "/directory/v1"
)

// Client calls the API of one server as one caller. It is safe for concurrent
// use.
type Client struct {
	base      *url.URL
	token     SecretValue
	http      *http.Client
	timeout   time.Duration
	maxAnswer int64
	retry     Retry
	userAgent string
	// broken is what is wrong with the arguments of New. It is returned by the
	// first call: a constructor that cannot fail keeps call sites short.
	broken error
}

// Option sets up a Client.
type Option func(*Client)

// New makes a client. baseURL is where the server listens, with or without
// /directory/v1; token may be empty for operations that are public.
func New(baseURL, token string, opts ...Option) *Client {
	c := &Client{
		token:     NewSecretValue(strings.TrimSpace(token)),
		http:      &http.Client{Transport: transport()},
		timeout:   defaultTimeout,
		maxAnswer: defaultMaxAnswer,
		retry:     Retry{Attempts: 4, FirstWait: 250 * time.Millisecond, MaxWait: 30 * time.Second},
		userAgent: "countersign-go/1",
	}
	c.base, c.broken = parseBase(baseURL)
	for _, opt := range opts {
		opt(c)
	}
	// Following a redirect would hand the token, and the body of a write, to
	// whoever the redirect names.
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return c
}

// WithHTTPClient uses the transport and cookie jar of another HTTP client, for
// private certificate authorities or proxies. It is copied, not changed.
func WithHTTPClient(hc *http.Client) Option {
	return func(c *Client) {
		own := *hc
		c.http = &own
	}
}

// WithTimeout bounds each attempt, from dialling to the last byte; 30 seconds
// unless given. The context bounds the whole call.
func WithTimeout(d time.Duration) Option { return func(c *Client) { c.timeout = d } }

// WithMaxAnswer bounds the size of an answer; 64 MB unless given.
func WithMaxAnswer(octets int64) Option { return func(c *Client) { c.maxAnswer = octets } }

// WithRetry says how often and how patiently to try again.
func WithRetry(r Retry) Option { return func(c *Client) { c.retry = r } }

// WithUserAgent names the program in the server's log.
func WithUserAgent(name string) Option { return func(c *Client) { c.userAgent = name } }

// String names the server and nothing else; in particular not the token.
func (c *Client) String() string {
	if c.base == nil {
		return "client of nothing"
	}
	return "client of " + c.base.String()
}

// GoString is String, so that %#v shows no token either.
func (c *Client) GoString() string { return c.String() }

func parseBase(given string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSpace(given))
	switch {
	case err != nil:
		// The text of url.Error repeats what was given, which may hold a password.
		return nil, errors.New("the base URL cannot be read; give one such as http://127.0.0.1:8080")
	case u.User != nil:
		return nil, errors.New("the base URL must not hold a user name or password; credentials are given as a token")
	case (u.Scheme != "http" && u.Scheme != "https") || u.Host == "":
		return nil, fmt.Errorf("the base URL %q must begin with http:// or https:// and name a host", given)
	case u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("the base URL must end with its path, without ? and #")
	}
	u.Path = strings.TrimSuffix(strings.TrimRight(u.Path, "/"), directoryPath)
	u.RawPath = ""
	return u, nil
}

// transport is a copy of the standard one, so that closing idle connections or
// tuning it elsewhere in a program does not touch ours.
func transport() http.RoundTripper {
	if standard, ok := http.DefaultTransport.(*http.Transport); ok {
		return standard.Clone()
	}
	return http.DefaultTransport
}
