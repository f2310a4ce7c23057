package main

import (
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/countersign/countersign/internal/statement"
)

// The whole way with files, as docs/recovery.md has it: keys are made and named,
// the organization is sealed, a recovery is prepared, signed elsewhere, submitted
// without a token, and denied by an admin.
func TestARecoveryGoesFromFileToFile(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	server := start(t, "demo", "--listen", "127.0.0.1:0", "--credentials", at("demo.json"), "--approvals", "off")
	nobody := terminal{env: map[string]string{"COUNTERSIGN_URL": server.url}}
	admin := func(args ...string) printed {
		t.Helper()
		return terminal{env: map[string]string{"COUNTERSIGN_CREDENTIALS": at("demo.json")}}.types(t, append(args, "--as", "ada")...)
	}
	into := func(name string, p printed) {
		t.Helper()
		if p.code != 0 {
			t.Fatalf("exit %d: %s%s", p.code, p.out, p.err)
		}
		if err := os.WriteFile(at(name), []byte(p.out), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"bank", "notary", "board"} {
		into(name+".pub", nobody.types(t, "keys", "new", at(name+".pem")))
	}
	if p := nobody.types(t, "recovery", "keys", "--need", "2", "bank="+at("bank.pem"), "notary="+at("notary.pub")); p.code != exitUsage || !strings.Contains(p.err, "stays where it is") {
		t.Errorf("a private key: exit %d, %s", p.code, p.err)
	}
	into("recovery.json", nobody.types(t, "recovery", "keys", "--need", "2", "--delay", "1d", "bank="+at("bank.pub"), "notary="+at("notary.pub"), "board="+at("board.pub")))
	if p := admin("organization", "seal", "--yes"); p.code != exitFailed || !strings.Contains(p.err, "recovery") {
		t.Errorf("a seal without keys: exit %d, %s", p.code, p.err)
	}
	if p := admin("organization", "seal", "--recovery", at("recovery.json"), "--yes"); p.code != 0 {
		t.Fatalf("sealing: %s", p.err)
	}
	if p := admin("recovery", "show"); p.code != 0 || !strings.Contains(p.out, "2 of 3 keys have to sign; a recovery waits 24h0m0s") || !strings.Contains(p.out, "notary") {
		t.Errorf("exit %d: %s%s", p.code, p.out, p.err)
	}
	var file credentialsFile
	text, err := os.ReadFile(at("demo.json"))
	if err != nil || json.Unmarshal(text, &file) != nil {
		t.Fatal(err)
	}
	prepare := []string{
		"recovery", "prepare", "--organization", file.Organization.ID, "--reason", "all tokens are lost",
		"--invite", "Barbara Liskov <barbara@northwind.example>", "--let-in", file.People["grace"].ID, "--promote", file.People["vera"].ID,
	}
	if p := nobody.types(t, append(prepare, at("bank.pem"))...); p.code != exitUsage || !strings.Contains(p.err, "is there already") {
		t.Errorf("a file that is there: exit %d, %s", p.code, p.err)
	}
	prepared := nobody.types(t, append(prepare, at("request.json"))...)
	if prepared.code != 0 || strings.Count(prepared.out, "-") < 6 || !strings.Contains(prepared.out, "barbara@northwind.example") {
		t.Fatalf("exit %d: %s%s", prepared.code, prepared.out, prepared.err)
	}
	offline := terminal{env: map[string]string{"COUNTERSIGN_URL": "http://127.0.0.1:1"}} // where there is no network
	if p := offline.types(t, "recovery", "sign", at("request.json"), "--key", at("bank.pem")); p.code != exitUsage || p.out != "" || !strings.Contains(p.err, `would do: user.invite`) {
		t.Errorf("nobody was asked: exit %d, %s", p.code, p.err)
	}
	into("bank.sig", offline.types(t, "recovery", "sign", at("request.json"), "--key", at("bank.pem"), "--yes"))
	into("board.sig", offline.types(t, "recovery", "sign", at("request.json"), "--key", at("board.pem"), "--yes"))
	if p := nobody.types(t, "recovery", "submit", at("request.json"), at("bank.sig")); p.code != exitFailed || !strings.Contains(p.err, "as many as the organization asks") {
		t.Errorf("one signature: exit %d, %s", p.code, p.err)
	}
	if p := nobody.types(t, "recovery", "submit", at("request.json"), at("board.sig"), at("bank.sig")); p.code != 0 || !strings.Contains(p.out, "is scheduled") {
		t.Fatalf("exit %d: %s%s", p.code, p.out, p.err)
	}
	if p := nobody.types(t, "recovery", "submit", at("request.json"), at("board.sig"), at("bank.sig")); p.code != 0 {
		t.Errorf("sent again: exit %d, %s", p.code, p.err)
	}
	inbox := admin("changes", "list", "--needs-me", "-o", "json")
	var list struct{ Items []struct{ ID, Digest string } }
	if err := json.Unmarshal([]byte(inbox.out), &list); err != nil || len(list.Items) != 1 {
		t.Fatalf("the inbox is %s (%v)", inbox.out, err)
	}
	waiting := list.Items[0]
	if p := admin("changes", "show", waiting.ID); !strings.Contains(p.out, "2 recovery keys; any admin can deny it") {
		t.Errorf("an admin sees\n%s", p.out)
	}
	if p := admin("changes", "deny", waiting.ID, "--yes", "--digest", waiting.Digest); p.code != 0 || !strings.Contains(p.out, "rejected") {
		t.Errorf("exit %d: %s%s", p.code, p.out, p.err)
	}
	if p := nobody.types(t, "recovery", "submit", at("request.json"), at("board.sig"), at("bank.sig")); p.code != exitFailed || !strings.Contains(p.err, "nonce") {
		t.Errorf("after it was denied: exit %d, %s", p.code, p.err)
	}
	lying(t, server.url, at, prepare)
	stop(t, server)
}

// lying puts somebody between the command line and the server, and edits files:
// nothing is signed that is not what is shown.
func lying(t *testing.T, url string, at func(string) string, prepare []string) {
	t.Helper()
	between := &liar{to: url, lies: map[string]func(map[string]any){"/recovery/statement": func(answer map[string]any) {
		said, err := statement.ParseRecovery([]byte(answer["statement"].(string)))
		if err != nil {
			t.Error(err)
		}
		said.Request = strings.Repeat("0", 64)
		raw, _ := said.Encode()
		answer["statement"] = string(raw)
	}}}
	front := httptest.NewServer(between)
	defer front.Close()
	p := terminal{env: map[string]string{"COUNTERSIGN_URL": front.URL}}.types(t, append(prepare, at("lied.json"))...)
	if _, err := os.Stat(at("lied.json")); p.code != exitFailed || err == nil || !strings.Contains(p.err, "its request is not that of what is shown") || p.out != "" {
		t.Errorf("exit %d: %s%s (%v)", p.code, p.out, p.err, err)
	}
	text, err := os.ReadFile(at("request.json"))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ from, to, says string }{
		"another reason":       {"all tokens are lost", "routine", "its request"},
		"another address":      {"barbara@", "mallory@", "its request"},
		"another organization": {`"organization_id": "0`, `"organization_id": "1`, "its organization"},
		"another kind":         {`user.invite`, `user.create`, "kind"},
		"another member":       {`"reason"`, `"because"`, "is not a recovery"},
	} {
		if err := os.WriteFile(at("edited.json"), []byte(strings.Replace(string(text), c.from, c.to, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		if p := (terminal{}).types(t, "recovery", "sign", at("edited.json"), "--key", at("bank.pem"), "--yes"); p.code == 0 || p.out != "" || !strings.Contains(p.err, c.says) {
			t.Errorf("%s: exit %d: %s%s", name, p.code, p.out, p.err)
		}
	}
}
