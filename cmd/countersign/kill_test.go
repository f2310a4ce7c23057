package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/audit"
)

// TestMain lets the test binary be the program: a test that kills the server
// needs one to kill.
func TestMain(m *testing.M) {
	if os.Getenv("COUNTERSIGN_TEST_IS_PROGRAM") == "1" {
		main()
		return
	}
	os.Exit(m.Run())
}

// program is a running countersign.
type program struct {
	cmd   *exec.Cmd
	url   string
	setup string
	// rest is drained so that the program never blocks on a full pipe.
	log *bytes.Buffer
}

// start runs a command that listens and waits until it says where.
func start(t *testing.T, args ...string) *program {
	t.Helper()
	p := &program{cmd: exec.CommandContext(context.WithoutCancel(t.Context()), os.Args[0], args...), log: &bytes.Buffer{}}
	// A killed demo cannot clean up: what it leaves goes with the test.
	p.cmd.Env = append(os.Environ(), "COUNTERSIGN_TEST_IS_PROGRAM=1", "TMPDIR="+t.TempDir())
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.cmd.Stderr = p.log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.kill() })
	// A program that never gets ready would hang the test: it is ended instead.
	late := time.AfterFunc(time.Minute, p.kill)
	defer late.Stop()
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		line := lines.Text()
		if _, url, ok := strings.Cut(line, "listening on "); ok {
			p.url = url
		}
		if _, rest, ok := strings.Cut(line, "--setup-token "); ok {
			p.setup, _, _ = strings.Cut(rest, " ")
		}
		if strings.HasPrefix(line, "Ready") {
			break
		}
	}
	if p.url == "" {
		t.Fatalf("the program did not start: %s", p.log)
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	return p
}

// kill ends the program without warning; a second time does nothing.
func (p *program) kill() {
	_ = p.cmd.Process.Signal(syscall.SIGKILL)
	_ = p.cmd.Wait()
}

// ask sends one request and reads a JSON answer.
func ask(ctx context.Context, method, url, token string, body any, into any) (int, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return 0, err
	}
	var payload io.Reader
	if body != nil {
		payload = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(ctx, method, url, payload)
	if err != nil {
		return 0, err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	if into == nil {
		_, err = io.Copy(io.Discard, answer.Body)
		return answer.StatusCode, err
	}
	return answer.StatusCode, json.NewDecoder(answer.Body).Decode(into)
}

// TestNothingAcknowledgedIsLostWhenTheServerIsKilled kills the server in the
// middle of concurrent changes, several times, and looks for every acknowledged
// one afterwards, once, and for a log that only grew.
func TestNothingAcknowledgedIsLostWhenTheServerIsKilled(t *testing.T) {
	const rounds, writers, acknowledged = 3, 8, 60
	db := filepath.Join(t.TempDir(), "countersign.db")
	server := start(t, "serve", "--db", db, "--listen", "127.0.0.1:0")
	token := found(t, server)
	var known sync.Map
	names := 0
	var checkpoint []byte
	for round := range rounds {
		var acks atomic.Int64
		enough := make(chan struct{})
		var once sync.Once
		var wg sync.WaitGroup
		for n := range writers {
			wg.Go(func() {
				for i := 0; ; i++ {
					name := fmt.Sprintf("round %d writer %d group %d", round, n, i)
					status, err := ask(t.Context(), "POST", server.url+"/directory/v1/groups", token, map[string]any{"name": name}, nil)
					if err != nil {
						return // the server is gone; whether this one was made is unknown
					}
					if status == http.StatusCreated {
						known.Store(name, true)
					}
					if acks.Add(1) >= acknowledged {
						once.Do(func() { close(enough) })
					}
				}
			})
		}
		select {
		case <-enough:
		case <-time.After(time.Minute):
			t.Fatalf("only %d answers in a minute: %s", acks.Load(), server.log)
		}
		server.kill()
		wg.Wait()
		server = start(t, "serve", "--db", db, "--listen", "127.0.0.1:0")
		names = mustHaveOnce(t, server, token, &known)
		checkpoint = mustExtend(t, server, token, db, checkpoint)
	}
	if names < rounds*acknowledged {
		t.Errorf("%d groups, fewer than were acknowledged", names)
	}
	stop(t, server)
}

func found(t *testing.T, server *program) string {
	t.Helper()
	var made struct {
		Secrets []struct {
			Value string `json:"value"`
		} `json:"secrets"`
	}
	status, err := ask(t.Context(), "POST", server.url+"/directory/v1/setup", server.setup,
		map[string]string{"organization": "Northwind", "admin_name": "Ada", "admin_email": "ada@northwind.example"}, &made)
	if err != nil || status != http.StatusCreated || len(made.Secrets) != 1 {
		t.Fatalf("setup answered %d, %v", status, err)
	}
	return made.Secrets[0].Value
}

// mustHaveOnce lists all groups to the end and returns how many there are.
func mustHaveOnce(t *testing.T, server *program, token string, known *sync.Map) int {
	t.Helper()
	seen := map[string]int{}
	for cursor := ""; ; {
		var page struct {
			Items []struct {
				Name string `json:"name"`
			} `json:"items"`
			NextCursor *string `json:"next_cursor"`
		}
		url := server.url + "/directory/v1/groups?limit=400"
		if cursor != "" {
			url += "&cursor=" + cursor
		}
		if status, err := ask(t.Context(), "GET", url, token, nil, &page); err != nil || status != http.StatusOK {
			t.Fatalf("listing answered %d, %v", status, err)
		}
		for _, g := range page.Items {
			seen[g.Name]++
		}
		if page.NextCursor == nil {
			break
		}
		cursor = *page.NextCursor
	}
	known.Range(func(name, _ any) bool {
		if n := seen[name.(string)]; n != 1 {
			t.Errorf("%v was acknowledged and is there %d times", name, n)
		}
		return true
	})
	return len(seen)
}

// mustExtend fetches the signed checkpoint and checks it with the key file; the
// server refuses to sign a log that is not an extension of the last one.
func mustExtend(t *testing.T, server *program, token, db string, before []byte) []byte {
	t.Helper()
	var me struct {
		Organization struct {
			ID string `json:"id"`
		} `json:"organization"`
	}
	if status, err := ask(t.Context(), "GET", server.url+"/directory/v1/me", token, nil, &me); err != nil || status != http.StatusOK {
		t.Fatalf("me answered %d, %v", status, err)
	}
	r, err := http.NewRequestWithContext(t.Context(), "GET", server.url+"/directory/v1/audit/checkpoint", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	signed, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("the checkpoint answered %d: %s (%v)", answer.StatusCode, signed, err)
	}
	keys, err := os.ReadFile(db + ".log-key")
	if err != nil {
		t.Fatal(err)
	}
	_, vkey, _ := strings.Cut(strings.TrimSpace(string(keys)), "\n")
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		t.Fatal(err)
	}
	origin := audit.Origin(countersign.OrganizationID(me.Organization.ID))
	now, err := audit.OpenCheckpoint(signed, origin, verifier)
	if err != nil {
		t.Fatal(err)
	}
	if before != nil {
		then, err := audit.OpenCheckpoint(before, origin, verifier)
		if err != nil || now.N <= then.N {
			t.Fatalf("the log went from %d to %d (%v)", then.N, now.N, err)
		}
	}
	return signed
}

// stop ends the program as an operator would and asks for an orderly end.
func stop(t *testing.T, server *program) {
	t.Helper()
	if err := server.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := server.cmd.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v: %s", err, server.log)
	}
}

func TestASecondServerOnOneDatabaseIsRefused(t *testing.T) {
	db := filepath.Join(t.TempDir(), "countersign.db")
	start(t, "serve", "--db", db, "--listen", "127.0.0.1:0")
	second := exec.CommandContext(t.Context(), os.Args[0], "serve", "--db", db, "--listen", "127.0.0.1:0")
	second.Env = append(os.Environ(), "COUNTERSIGN_TEST_IS_PROGRAM=1")
	text, err := second.CombinedOutput()
	if err == nil || !strings.Contains(string(text), "in use") {
		t.Errorf("a second server said %q (%v)", text, err)
	}
}
