package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func TestWrongArgumentsAreToldApartFromRefusals(t *testing.T) {
	f := newFake(t)
	for args, says := range map[string]string{
		"":                                       "",
		"users":                                  "",
		"frobnicate":                             `has no command "frobnicate"`,
		"user list":                              "did you mean users?",
		"users lst":                              `has no command "lst"; did you mean get or list?`,
		"users get":                              "needs USER",
		"users get a b":                          `"b" is too much`,
		"users list x":                           "takes no argument",
		"users list --type robot":                "must be one of person, api_user, api_signer, end_user",
		"users list --sort age":                  `"age" must be one of`,
		"users list --limit x":                   `invalid argument "x"`,
		"users list --limit -1":                  "count from 1",
		"users list --limit 3 --page 2":          "not both",
		"users list --all --page 2":              "--all goes to the end",
		"users list --frob":                      "unknown flag: --frob",
		"users list -o yaml":                     "must be one of table, json, csv",
		"users list --token x --as ada":          "two callers",
		"users list --token=":                    "--token is empty",
		"users list --as ada":                    "name one with --credentials",
		"users list --credentials /nowhere.json": "there is no credentials file",
		"users invite --name Grace":              "needs --email",
		"users invite --name G --email g@x --role king":                  "must be one of admin, trader, viewer, none",
		"users create-api-user --name bot --role admin --responsible x":  "must be one of trader, viewer, none",
		"users update " + grace:                                          "give at least one of",
		"users role " + grace + " king":                                  "must be one of",
		"users grant " + grace:                                           "needs USER PERMISSION...",
		"users set-permissions " + grace:                                 "or --none",
		"users set-permissions " + grace + " users.read --none":          "or --none",
		"users suspend " + grace + " --if-match yesterday":               "must be the version of the object",
		"users suspend twin":                                             "2 users answer to twin",
		"groups create":                                                  "give one name",
		"groups create A --name B":                                       "give one name",
		"groups update Treasury":                                         "give at least one flag",
		"groups set-members Treasury":                                    "--none to empty the group",
		"groups set-members Treasury -f /nowhere":                        "no such file",
		"members add " + grace + " Treasury --expires tomorrow":          "must be a day such as",
		"members add " + grace + " Treasury --switched-off can_fly":      "must be of can_create_accounts",
		"members update " + grace + " Treasury":                          "give at least one of",
		"members update not-an-id --role admin":                          "is not the id of a membership",
		"changes show 7":                                                 "is not the id of a change",
		"changes approve " + openChange + " --yes":                       "--yes needs --digest",
		"changes approve " + openChange + " --reason a --comment b":      "give one",
		"changes approve " + openChange:                                  "nobody can be asked here",
		"changes submit":                                                 "needs --file",
		"changes submit -f /nowhere":                                     "no such file",
		"policy put -f testdata/world.json":                              "is not a policy",
		"credentials create " + bot:                                      "needs --type",
		"credentials create " + bot + " --type token --lifetime forever": "must be such as 90d",
		"credentials revoke laptop":                                      "is not the id of a credential",
		"credentials redeem":                                             "nothing stands on standard input",
		"audit show -- -1":                                               "is not an index",
		"audit entries --page 2":                                         "not numbered in pages",
		"audit proof":                                                    "",
		"permissions update x.y":                                         "needs --description",
		"organization seal":                                              "nobody can be asked here",
		"check " + grace:                                                 "needs USER PERMISSION",
		"demo --approvals maybe --listen 127.0.0.1:0 extra":              `unknown command "extra"`,
		"init": "required flag",
	} {
		p := at(f).types(t, strings.Fields(args)...)
		if p.code != exitUsage || !strings.Contains(p.err, says) || p.out != "" {
			t.Errorf("countersign %s: exit %d, %q, and on standard output %q; want exit 2 and %q", args, p.code, p.err, p.out, says)
		}
	}
	for _, line := range f.lines("") {
		if !strings.HasPrefix(line, "GET ") {
			t.Errorf("a wrong command sent %s", line)
		}
	}
}

func TestExitCodesAndWhatToDoNext(t *testing.T) {
	for name, tc := range map[string]struct {
		a    answer
		code int
		says string
	}{
		"not authenticated": {refusal(401, "unauthenticated", "Authorization", "Needs a token."), exitUnauthenticated, "COUNTERSIGN_TOKEN"},
		"not allowed":       {refusal(403, "permission_missing", "", "Needs users.update.", "permission", "users.update"), exitFailed, "You do not hold users.update"},
		"not a person":      {refusal(403, "not_a_person", "", "No."), exitFailed, "Only people decide"},
		"not found":         {refusal(404, "user_unknown", "user_id", "No such user."), exitNotFound, "Check the id"},
		"moved":             {refusal(412, "version_moved", "If-Match", "Moved on."), exitFailed, "--if-match"},
		"one is open":       {refusal(422, "change_pending", "", "One is open.", "change_id", openChange), exitFailed, "countersign changes show " + openChange},
		"refused":           {refusal(422, "refused", "", "A rule says no."), exitFailed, "A rule says no. (422 refused, request req-1)"},
		"internal":          {refusal(500, "internal", "", "Our fault."), exitFailed, "request req-1"},
		"hostile detail":    {refusal(422, "refused", "x\ny", "first\nsecond\x1b[2J"), exitFailed, "x<U+000A>y: first<U+000A>second<U+001B>[2J"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t).will("suspendUser", tc.a)
			p := at(f).types(t, "users", "suspend", grace)
			if p.code != tc.code || !strings.Contains(p.err, tc.says) || p.out != "" {
				t.Errorf("exit %d, %q; want %d and %q", p.code, p.err, tc.code, tc.says)
			}
		})
	}
	t.Run("nobody there", func(t *testing.T) {
		c := terminal{env: map[string]string{"COUNTERSIGN_URL": "http://127.0.0.1:1"}}
		if p := c.types(t, "users", "suspend", grace); p.code != exitUnavailable || !strings.Contains(p.err, "Nothing was changed") {
			t.Errorf("exit %d, %q", p.code, p.err)
		}
	})
	t.Run("nobody knows", func(t *testing.T) {
		f := newFake(t).will("suspendUser", slices.Repeat([]answer{refusal(503, "timeout", "", "Took too long.")}, 9)...)
		p := at(f).types(t, "users", "suspend", grace, "--idempotency-key", "my-key")
		if p.code != exitUnavailable || !strings.Contains(p.err, "--idempotency-key my-key within 24 hours") || !strings.Contains(p.err, "may have been carried out") {
			t.Errorf("exit %d, %q", p.code, p.err)
		}
	})
}

func credentialsOf(t *testing.T, url string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "creds.json")
	file := credentialsFile{
		URL: url, Directory: directoryCredentials{Token: "directory-token"},
		People: map[string]personCredentials{"ada": {Email: "ada@northwind.example", Token: "ada-token"}, "grace": {Token: "grace-token"}},
	}
	if err := file.write(path); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestWhereToGoAndAsWhom(t *testing.T) {
	f := newFake(t)
	path := credentialsOf(t, f.url)
	elsewhere := credentialsOf(t, "http://127.0.0.1:1")
	for name, tc := range map[string]struct {
		env   map[string]string
		args  []string
		token string
	}{
		"variables":               {map[string]string{"COUNTERSIGN_URL": f.url, "COUNTERSIGN_TOKEN": "t"}, nil, "t"},
		"flags":                   {nil, []string{"--url", f.url, "--token", "t"}, "t"},
		"flags over variables":    {map[string]string{"COUNTERSIGN_URL": "http://127.0.0.1:1", "COUNTERSIGN_TOKEN": "x"}, []string{"--url", f.url, "--token", "t"}, "t"},
		"file":                    {nil, []string{"--credentials", path}, "directory-token"},
		"file by variable":        {map[string]string{"COUNTERSIGN_CREDENTIALS": path}, nil, "directory-token"},
		"somebody of the file":    {map[string]string{"COUNTERSIGN_CREDENTIALS": path}, []string{"--as", "grace"}, "grace-token"},
		"by address, in any case": {map[string]string{"COUNTERSIGN_CREDENTIALS": path}, []string{"--as", "ADA@northwind.example"}, "ada-token"},
		"file flag over token":    {map[string]string{"COUNTERSIGN_TOKEN": "x", "COUNTERSIGN_URL": "http://127.0.0.1:1"}, []string{"--credentials", path}, "directory-token"},
		"as over token":           {map[string]string{"COUNTERSIGN_TOKEN": "x", "COUNTERSIGN_CREDENTIALS": path}, []string{"--as", "ada"}, "ada-token"},
		"token over file":         {map[string]string{"COUNTERSIGN_TOKEN": "t", "COUNTERSIGN_CREDENTIALS": path}, nil, "t"},
		"url over file":           {map[string]string{"COUNTERSIGN_URL": f.url, "COUNTERSIGN_CREDENTIALS": elsewhere}, nil, "directory-token"},
	} {
		t.Run(name, func(t *testing.T) {
			p := terminal{env: tc.env}.types(t, append([]string{"organization", "show"}, tc.args...)...)
			if p.code != exitDone || p.err != "" {
				t.Fatalf("exit %d, %q", p.code, p.err)
			}
			if got := f.asked[len(f.asked)-1].header.Get("Authorization"); got != "Bearer "+tc.token {
				t.Errorf("came with %q, want %q", got, tc.token)
			}
		})
	}
}

func TestTheCredentialsFileIsLookedAfter(t *testing.T) {
	f := newFake(t)
	path := credentialsOf(t, f.url)
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if p := (terminal{}).types(t, "organization", "show", "--credentials", path); p.code != exitDone || !strings.Contains(p.err, "can be read by others") {
		t.Errorf("exit %d, %q", p.code, p.err)
	}
	if p := (terminal{}).types(t, "organization", "show", "--credentials", path, "--as", "linus"); p.code != exitUsage || !strings.Contains(p.err, "it has ada, grace") {
		t.Errorf("exit %d, %q", p.code, p.err)
	}
	p := (terminal{}).types(t, "organization", "show", "--token", "t", "--url", "http://countersign.invalid:9")
	if !strings.Contains(p.err, "travels to countersign.invalid:9 unencrypted") {
		t.Errorf("no warning of plain text: %q", p.err)
	}
}

// Help teaches: every command says what it does, shows an example that parses, and
// explains every flag.
func TestEveryCommandTeaches(t *testing.T) {
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		for _, sub := range cmd.Commands() {
			if sub.Name() != "help" && sub.Name() != "completion" {
				walk(sub)
			}
		}
		at := cmd.CommandPath()
		if cmd.Short == "" || cmd.Example == "" || cmd.Name() != "serve" && cmd.Long == "" {
			t.Errorf("%s lacks a description or an example", at)
		}
		cmd.LocalFlags().VisitAll(func(flag *pflag.Flag) {
			if flag.Usage == "" {
				t.Errorf("%s --%s is not explained", at, flag.Name)
			}
		})
		for line := range strings.Lines(cmd.Example) {
			checkExample(t, at, strings.TrimSpace(line))
		}
	}
	walk(newRootCommand(&process{}))
	p := (terminal{}).types(t, "users", "list", "--help")
	if p.code != exitDone || !strings.Contains(p.out, "Examples:") || p.err != "" {
		t.Errorf("exit %d, %q %q", p.code, p.out, p.err)
	}
}

// checkExample finds the command an example names and parses its flags.
func checkExample(t *testing.T, at, line string) {
	t.Helper()
	_, line, ours := strings.Cut(line, "countersign ")
	if !ours {
		return
	}
	line, _, _ = strings.Cut(line, " > ")
	line, _, _ = strings.Cut(line, " >/")
	line, _, _ = strings.Cut(line, " < ")
	line = strings.TrimSuffix(strings.TrimSpace(line), `\`)
	var words []string
	for i, part := range strings.Split(strings.ReplaceAll(line, `"`, "'"), "'") {
		if i%2 == 1 {
			words = append(words, part)
		} else {
			words = append(words, strings.Fields(part)...)
		}
	}
	cmd, rest, err := newRootCommand(&process{}).Find(words)
	if err != nil || !cmd.HasParent() {
		t.Errorf("%s: the example %q names no command", at, line)
		return
	}
	if err := cmd.ParseFlags(rest); err != nil {
		t.Errorf("%s: the example %q: %v", at, line, err)
	}
}
