package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// policyOf is the policy of the world, altered and written to a file.
func policyOf(t *testing.T, f *fake, alter func(p map[string]any)) string {
	t.Helper()
	p := f.one("policy").(map[string]any)
	alter(p)
	text, err := json.MarshalIndent(p, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "policy.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func asItIs(map[string]any) {}

// stricter asks two of all that is not named, drops a rule and adds one.
func stricter(p map[string]any) {
	p["name"] = "three-person"
	p["default"].(map[string]any)["clauses"].([]any)[0].(map[string]any)["need"] = 2
	p["rules"] = append(p["rules"].([]any)[:1], map[string]any{
		"id": "treasury", "changes": []any{"group.*"}, "when": map[string]any{"group_ids": []any{treasury}},
		"requirement": map[string]any{"clauses": []any{map[string]any{"approvers": map[string]any{"role": "admin"}, "need": 3}}, "delay_seconds": 3600},
	})
	p["accepted_risks"] = []any{"no_spare_for_targets"}
	p["exclusions"].([]any)[0].(map[string]any)["sides"].([]any)[1] = []any{"payouts.release"}
}

const inWords = `what differs from policy two-person, version 4207
  ~ name: two-person -> three-person
  + rule treasury: group.* about group Treasury: 3 of role admin, and then 1h0m0s of waiting, open for 7d
  ~ default
      needs: 1 of role admin -> 2 of role admin
  ~ exclusion payouts
      keeps apart: payouts.create together with payouts.release|payouts.amend|payouts.cancel|payouts.route|payouts.limit -> payouts.create together with payouts.release
  - rule end-users-are-free: user.create_end_user: nothing: applied at once
  + accepted risk: no_spare_for_targets
`

func noFindings() answer {
	return answer{status: 200, body: map[string]any{"items": []any{}, "total": 0, "next_cursor": nil}}
}

func TestApplyingAPolicy(t *testing.T) {
	for rule, c := range map[string]struct {
		alter   func(map[string]any)
		args    []string
		stdin   string
		prepare func(f *fake)
		code    int
		out     string
		says    []string
		// puts are the queries with which the policy is put.
		puts []string
	}{
		"what is so already is left alone": {alter: asItIs, out: "nothing changed: the policy says so already (version 4207)\n"},
		"it is told, rehearsed, asked and put": {
			alter: stricter, stdin: "y\n", puts: []string{"dry_run=true", ""},
			says: []string{inWords, "this would wait for approval by", "Make this the policy?"}, out: "waiting for approval",
		},
		"no is no":               {alter: stricter, stdin: "n\n", puts: []string{"dry_run=true"}, code: exitFailed, says: []string{inWords, "nothing was sent"}},
		"nobody to ask":          {alter: stricter, puts: []string{"dry_run=true"}, code: exitUsage, says: []string{"policy apply -f FILE --yes"}},
		"yes asks nobody":        {alter: stricter, args: []string{"--yes"}, puts: []string{""}, says: []string{inWords}, out: "waiting for approval"},
		"a dry run puts nothing": {alter: stricter, args: []string{"--dry-run"}, puts: []string{"dry_run=true"}, says: []string{inWords}, out: "dry run, nothing is stored"},
		"what would be refused here is not sent": {
			alter: func(p map[string]any) { p["rules"].([]any)[0].(map[string]any)["changes"] = []any{"user.fly"} }, args: []string{"--yes"},
			code: exitFailed, says: []string{"error: policy.rules.0.changes"},
		},
		"what would be refused there is not put": {
			alter: stricter, args: []string{"--yes"}, code: exitFailed, says: []string{"error: rules.0.changes"},
			prepare: func(f *fake) { f.next["lintPolicy"] = nil },
		},
		"what waits already is not asked twice": {
			alter: stricter, args: []string{"--yes"}, puts: []string{""}, out: "nothing changed: change " + openChange + " asks for this policy, and waits\n",
			prepare: func(f *fake) {
				p := f.one("policy").(map[string]any)
				stricter(p)
				f.next["putPolicy"] = []answer{refusal(422, "change_pending", "", "One is open.", "change_id", openChange)}
				f.will("getChange", answer{status: 200, body: changed(f.list("changes")[0], "operations", []any{map[string]any{"kind": "policy.put", "policy": p}})})
			},
		},
		"another that waits stands in the way": {
			alter: stricter, args: []string{"--yes"}, puts: []string{""}, code: exitFailed, says: []string{"countersign changes show " + openChange},
			prepare: func(f *fake) {
				f.next["putPolicy"] = []answer{refusal(422, "change_pending", "", "One is open.", "change_id", openChange)}
			},
		},
	} {
		t.Run(rule, func(t *testing.T) {
			f := newFake(t)
			waits := preview(f, "wait")
			f.will("lintPolicy", noFindings()).will("putPolicy", held(f))
			if slices.Contains(c.puts, "dry_run=true") {
				f.next["putPolicy"] = []answer{waits, held(f)}
			}
			if c.prepare != nil {
				c.prepare(f)
			}
			term := at(f)
			term.stdin, term.interactive = c.stdin, c.stdin != ""
			p := term.types(t, append([]string{"policy", "apply", "-f", policyOf(t, f, c.alter)}, c.args...)...)
			if p.code != c.code || !strings.Contains(p.out, c.out) || c.out == "" && p.out != "" {
				t.Errorf("exit %d, %q\n%s", p.code, p.out, p.err)
			}
			for _, text := range c.says {
				if !strings.Contains(p.err, text) {
					t.Errorf("it does not say %q:\n%s", text, p.err)
				}
			}
			var puts []string
			for i, line := range f.lines("putPolicy") {
				query := strings.Fields(line)[2]
				if strings.HasPrefix(query, "{") {
					query = ""
				}
				puts = append(puts, query)
				if !strings.Contains(line, "three-person") {
					t.Errorf("put %d is of another policy: %s", i, line)
				}
			}
			if !slices.Equal(puts, c.puts) {
				t.Errorf("put with %q, want %q", puts, c.puts)
			}
			for _, a := range f.asked {
				if a.id == "putPolicy" && a.header.Get("If-Match") != `"4207"` {
					t.Errorf("it was put whatever stands there: If-Match %q", a.header.Get("If-Match"))
				}
			}
		})
	}
}

func TestEditingAPolicy(t *testing.T) {
	f := newFake(t)
	good := policyOf(t, f, stricter)
	for rule, c := range map[string]struct {
		editor, stdin string
		code          int
		says          string
		puts          int
		kept          bool
	}{
		"nothing changed":              {"true", "y\n", exitDone, "", 0, false},
		"saved, told, and put":         {"cp " + good, "y\n", exitDone, inWords, 2, false},
		"saved, and then not":          {"cp " + good, "n\n", exitFailed, "nothing was sent", 1, true},
		"an editor that fails":         {"false", "y\n", exitFailed, "the editor false failed", 0, false},
		"what cannot be read is asked": {"echo '{' >", "n\n", exitFailed, "Edit it again?", 0, true},
	} {
		t.Run(rule, func(t *testing.T) {
			f := newFake(t)
			f.will("lintPolicy", noFindings()).will("putPolicy", preview(f, "wait"), held(f))
			dir := t.TempDir()
			t.Setenv("TMPDIR", dir)
			term := at(f)
			term.env["EDITOR"], term.stdin, term.interactive = c.editor, c.stdin, true
			p := term.types(t, "policy", "edit")
			if p.code != c.code || !strings.Contains(p.err, c.says) || len(f.lines("putPolicy")) != c.puts {
				t.Errorf("exit %d, put %d times\n%s%s", p.code, len(f.lines("putPolicy")), p.out, p.err)
			}
			left, err := filepath.Glob(filepath.Join(dir, "*", "policy.json"))
			if err != nil || (len(left) == 1) != c.kept || c.kept != strings.Contains(p.err, "your text is kept: countersign policy apply -f "+dir) {
				t.Errorf("files left %q (%v)\n%s", left, err, p.err)
			}
		})
	}
}

// Offline no directory is asked for anything.
func TestLintingOffline(t *testing.T) {
	f := newFake(t)
	nowhere := terminal{env: map[string]string{"COUNTERSIGN_URL": "http://127.0.0.1:1"}}
	for rule, c := range map[string]struct {
		file string
		code int
		says string
	}{
		"a sound one":        {policyOf(t, f, asItIs), exitDone, "total 0"},
		"no kind of change":  {policyOf(t, f, func(p map[string]any) { p["rules"].([]any)[0].(map[string]any)["changes"] = []any{"user.fly"} }), exitFailed, "policy.rules.0.changes"},
		"a default for free": {policyOf(t, f, func(p map[string]any) { p["default"] = map[string]any{"clauses": []any{}} }), exitFailed, "policy.default"},
		"weaker than the default": {policyOf(t, f, func(p map[string]any) {
			stricter(p)
			p["rules"].([]any)[1].(map[string]any)["requirement"].(map[string]any)["clauses"].([]any)[0].(map[string]any)["need"] = 1
		}), exitDone, "asks less than the default"},
	} {
		t.Run(rule, func(t *testing.T) {
			p := nowhere.types(t, "policy", "lint", "--offline", "-f", c.file)
			if p.code != c.code || !strings.Contains(p.out, c.says) || !strings.Contains(p.err, "was not looked at") {
				t.Errorf("exit %d\n%s%s", p.code, p.out, p.err)
			}
		})
	}
	twice := filepath.Join(t.TempDir(), "twice.json")
	if err := os.WriteFile(twice, []byte(`{"name":"a","name":"b","rules":[],"default":{"clauses":[]}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"--offline"}, {"--offline", "-f", twice}} {
		if p := nowhere.types(t, append([]string{"policy", "lint"}, args...)...); p.code != exitUsage {
			t.Errorf("%v: exit %d, %s", args, p.code, p.err)
		}
	}
}
