package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"net/url"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/countersign/countersign/client"
)

const defaultURL = "http://127.0.0.1:8080"

// session is one command's connection to a running directory, and how it shows
// what it finds there.
type session struct {
	*process
	url, token, credentials, as string
	output                      choice
	atLeast                     int64
	// given tells which flags were, after parsing.
	given func(name string) bool

	// address is where api goes.
	address string
	api     *client.Client
	// known are labels of ids that were looked up for this command.
	known map[string]string
}

// newSession makes a session for the commands below a noun.
func newSession(p *process, noun *cobra.Command) *session {
	s := &session{process: p}
	s.addFlags(noun, noun.PersistentFlags())
	return s
}

// addFlags adds the flags by which every command finds its directory.
func (s *session) addFlags(cmd *cobra.Command, flags *pflag.FlagSet) {
	s.known = map[string]string{}
	s.output = choice{allowed: []string{asTable, asJSON, asCSV}, value: asTable}
	flags.StringVar(&s.url, "url", "", "address of the directory (COUNTERSIGN_URL; default "+defaultURL+")")
	flags.StringVar(&s.token, "token", "", "token to come with (COUNTERSIGN_TOKEN, which other users of this machine cannot see)")
	flags.StringVar(&s.credentials, "credentials", "", "credentials `FILE` of demo or init (COUNTERSIGN_CREDENTIALS)")
	flags.StringVar(&s.as, "as", "", "`NAME` of the person in the credentials file whose token to use (default: its directory token)")
	flags.Int64Var(&s.atLeast, "at-least", 0, "read nothing older than this `REVISION`")
	s.output.add(cmd, flags, "output", "o", "how to write the result")
}

func (s *session) format() string { return s.output.value }

// connect finds out where to go and as whom. It is called when flags are parsed.
func (s *session) connect(flags *pflag.FlagSet) error {
	s.given = flags.Changed
	if s.given("token") && s.as != "" {
		return usage("--token and --as name two callers; give one of them")
	}
	if s.given("token") && s.token == "" {
		return usage("--token is empty; leave it out to come with the token of the credentials file")
	}
	file, err := s.credentialsFile()
	if err != nil {
		return err
	}
	address, token := s.url, s.token
	fileFirst := s.given("credentials")
	if fileFirst && file != nil {
		address = first(address, file.URL)
	}
	address = first(address, s.getenv("COUNTERSIGN_URL"))
	if file != nil {
		address = first(address, file.URL)
	}
	if token == "" && !fileFirst && s.as == "" {
		token = s.getenv("COUNTERSIGN_TOKEN")
	}
	if token == "" && (file != nil || s.as != "") {
		if token, err = tokenOf(file, s.as); err != nil {
			return err
		}
	}
	address = first(address, defaultURL)
	s.address = address
	s.warnOfPlainText(address, token)
	s.api = client.New(address, token, client.WithUserAgent("countersign-cli/"+buildVersion()))
	return nil
}

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

// credentialsFile reads the file that demo and init write; nil where none is named.
func (s *session) credentialsFile() (*credentialsFile, error) {
	path := first(s.credentials, s.getenv("COUNTERSIGN_CREDENTIALS"))
	if path == "" {
		return nil, nil //nolint:nilnil // no file is a common case, not an error
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, usage("there is no credentials file %s; countersign demo --credentials %s makes one", path, path)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the credentials: %w", err)
	}
	if info, err := os.Stat(path); err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		fmt.Fprintf(s.err, "warning: %s holds tokens and can be read by others: chmod 600 %s\n", path, path)
	}
	var file credentialsFile
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, usage("%s is not a credentials file as demo and init write it", path)
	}
	file.URL = first(file.URL, file.Directory.BaseURL)
	return &file, nil
}

// tokenOf picks the caller out of the file: a person by name, or its directory
// token.
func tokenOf(file *credentialsFile, as string) (string, error) {
	if file == nil {
		return "", usage("--as %s picks from a credentials file; name one with --credentials or COUNTERSIGN_CREDENTIALS", as)
	}
	if as == "" {
		if file.Directory.Token == "" {
			return "", usage("the credentials file has no directory token; choose a person with --as: %s", people(file))
		}
		return file.Directory.Token, nil
	}
	for name, person := range file.People {
		if (strings.EqualFold(name, as) || strings.EqualFold(person.Email, as)) && person.Token != "" {
			return person.Token, nil
		}
	}
	return "", usage("the credentials file knows no token of %s; it has %s", as, people(file))
}

func people(file *credentialsFile) string {
	return strings.Join(slices.Sorted(maps.Keys(file.People)), ", ")
}

// warnOfPlainText: a token sent without TLS is everybody's on the way.
func (s *session) warnOfPlainText(address, token string) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" || token == "" || u.Hostname() == "localhost" {
		return
	}
	if ip := net.ParseIP(u.Hostname()); ip != nil && ip.IsLoopback() {
		return
	}
	fmt.Fprintf(s.err, "warning: the token travels to %s unencrypted; use an https address\n", visible(u.Host))
}

// reading are the options of every read.
func (s *session) reading(raw *[]byte) []client.ReadOption {
	var opts []client.ReadOption
	if raw != nil {
		opts = append(opts, client.KeepBody(raw))
	}
	if s.atLeast > 0 {
		opts = append(opts, client.AtLeast(s.atLeast))
	}
	return opts
}
