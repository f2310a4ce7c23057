package main

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what the commands in the documents print into them")

const (
	consoleStart = "```console\n"
	consoleEnd   = "```\n"
	// betweenConsoles stands in the output where one block of commands ends.
	betweenConsoles = "~~~ next ~~~\n"
)

// consoles cuts a document into its texts and the blocks of commands between
// them: there is one text more than there are blocks.
func consoles(t *testing.T, document string) (texts, blocks []string) {
	t.Helper()
	for {
		before, rest, found := strings.Cut(document, consoleStart)
		texts = append(texts, before)
		if !found {
			return texts, blocks
		}
		block, after, ended := strings.Cut(rest, consoleEnd)
		if !ended {
			t.Fatal("a block of commands has no end")
		}
		blocks, document = append(blocks, block), after
	}
}

// TestTheDocumentsPrintWhatTheyShow runs the commands of each document in one
// shell against a demo of its own and compares; ids, digests and times differ each
// time.
func TestTheDocumentsPrintWhatTheyShow(t *testing.T) {
	for path, demo := range map[string][]string{
		"README.md":       nil,
		"docs/sealing.md": {"--approvals", "off"},
	} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			path = filepath.Join("../..", path)
			document, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			texts, blocks := consoles(t, string(document))
			if len(blocks) == 0 {
				t.Fatal("there are no commands")
			}
			printed := strings.Split(inOneShell(t, blocks, demo), betweenConsoles)
			if *update {
				writeDocument(t, path, texts, printed)
				return
			}
			for i, block := range blocks {
				if got, want := settled(printed[i]), settled(block); got != want {
					t.Errorf("these commands print\n%s\nand the document shows\n%s\n(-run Documents -update writes it anew)", got, want)
				}
			}
		})
	}
}

// inOneShell gives the commands of all blocks to one shell, with what they print.
func inOneShell(t *testing.T, blocks, demo []string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Symlink(os.Args[0], filepath.Join(dir, "countersign")); err != nil {
		t.Fatal(err)
	}
	credentials := filepath.Join(dir, "demo.json")
	start(t, append([]string{"demo", "--listen", "127.0.0.1:0", "--credentials", credentials}, demo...)...)
	var script strings.Builder
	for i, block := range blocks {
		if i > 0 {
			script.WriteString("printf %s '" + betweenConsoles + "'\n")
		}
		for line := range strings.Lines(block) {
			if command, ok := strings.CutPrefix(line, "$ "); ok {
				script.WriteString("cat <<'COMMAND'\n" + line + "COMMAND\n" + command)
			}
		}
	}
	shell := exec.CommandContext(t.Context(), "bash")
	shell.Dir = dir
	shell.Stdin = strings.NewReader(script.String())
	shell.Env = append(os.Environ(), "COUNTERSIGN_TEST_IS_PROGRAM=1", "COUNTERSIGN_CREDENTIALS="+credentials,
		"PATH="+dir+":"+os.Getenv("PATH"), "COUNTERSIGN_TOKEN=", "COUNTERSIGN_URL=")
	out, _ := shell.CombinedOutput() // a denied check ends in 1, as the tour shows
	return string(out)
}

func writeDocument(t *testing.T, path string, texts, blocks []string) {
	t.Helper()
	var out strings.Builder
	for i, text := range texts {
		out.WriteString(text)
		if i < len(blocks) {
			out.WriteString(consoleStart + blocks[i] + consoleEnd)
		}
	}
	if err := os.WriteFile(path, []byte(out.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// settled takes out of an output what differs from run to run.
func settled(s string) string {
	for pattern, word := range map[string]string{
		`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`: "<id>",
		`\b[0-9a-f]{64}\b`:                                     "<digest>",
		`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`:              "<time>",
		`(?m)^[A-Za-z0-9+/]{43}=$`:                             "<root>",
		`(?m)^— countersign-log-[0-9a-f]{8} [A-Za-z0-9+/]+=*$`: "<signature>",
		`(?m)^(number +)\d{12}$`:                               "$1<number>",
		`  \d{12}  `:                                           "  <number>  ",
		`[ \t]+`:                                               " ",
	} {
		s = regexp.MustCompile(pattern).ReplaceAllString(s, word)
	}
	return s
}
