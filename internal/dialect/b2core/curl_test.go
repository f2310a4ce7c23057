package b2core_test

import (
	"encoding/pem"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// findCurl finds or installs curl. A missing one is an error where CI says that
// nothing may be missing.
func findCurl(t *testing.T) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "../../../scripts/curl").Output()
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("curl cannot be installed: %v", err)
		}
		t.Skipf("without CI set curl may be missing: %v", err)
	}
	return filepath.Dir(strings.TrimSpace(string(out)))
}

// TestThePublishedLines runs every command line of the published page with the
// real curl, unchanged but for host and token, in an organization without groups.
// What else curl needs to know stands in its environment: the certificate of this
// server, and to be quiet and print the status.
func TestThePublishedLines(t *testing.T) {
	t.Parallel()
	path := findCurl(t)
	h := newHouse(t)
	web := httptest.NewTLSServer(h.web)
	defer web.Close()
	home := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(home, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	write(".curlrc", "silent\nshow-error\nwrite-out = \"\\n%{http_code} %{content_type}\"\n")
	ca := write("ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: web.Certificate().Raw})))
	text, err := os.ReadFile("testdata/published.sh")
	if err != nil {
		t.Fatal(err)
	}
	const made = `{"id":1,"name":"Administrators","permissions":["accounts.create","accounts.read"],"createTime":"2026-03-01T09:00:00+00:00","updateTime":null}`
	lines := strings.Split(strings.TrimSpace(string(text)), "\n\n")
	want := []struct{ what, answer string }{
		{"POST", made + "\n201 application/json"},
		{"GET", "," + made + "]\n200 application/json"},
		{"GET", made + "\n200 application/json"},
		{"PUT", made + "\n200 application/json"},
		{"DELETE", "\n204 "},
	}
	if len(lines) != len(want) {
		t.Fatalf("%d lines, %d answers", len(lines), len(want))
	}
	for i, line := range lines {
		line = strings.NewReplacer("host.name", strings.TrimPrefix(web.URL, "https://"), "<token>", h.tokens["robot"]).Replace(line)
		cmd := exec.CommandContext(t.Context(), "sh", "-c", line)
		cmd.Env = []string{"PATH=" + path, "CURL_HOME=" + home, "HOME=" + home, "CURL_CA_BUNDLE=" + ca}
		out, err := cmd.CombinedOutput()
		got := string(out)
		if err != nil || !strings.Contains(line, "--request "+want[i].what) || !strings.HasSuffix(got, want[i].answer) ||
			want[i].what != "GET" && got != want[i].answer {
			t.Errorf("%s\nanswered (%v)\n%s\nwant\n%s", line, err, got, want[i].answer)
		}
	}
}
