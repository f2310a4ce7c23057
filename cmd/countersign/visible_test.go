package main

import (
	"bytes"
	"encoding/csv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/countersign/countersign/client"
)

func TestVisibleText(t *testing.T) {
	for text, want := range map[string]string{
		"":                     "",
		"Grace Hopper":         "Grace Hopper",
		"Ærøskøbing 東京":        "Ærøskøbing 東京",
		"a  b   c":             "a ␣b ␣␣c",
		"a\tb\r\nc":            "a<U+0009>b<U+000D><U+000A>c",
		"a\x00b\x7f":           "a<U+0000>b<U+007F>",
		"\u202eevil":           "<U+202E>evil",
		"a\u2066b\u2069":       "a<U+2066>b<U+2069>",
		"a\u200bb\u00adc":      "a<U+200B>b<U+00AD>c",
		"a\u00a0b\u3000c":      "a<U+00A0>b<U+3000>c",
		"line\u2028para\u2029": "line<U+2028>para<U+2029>",
		"bad\xff\xc3":          "bad<FF><C3>",
		"real \ufffd":          "real \ufffd",
		"e\u0301":              "e\u0301",
		"\u0301e":              "<U+0301>e",
	} {
		if got := visible(text); got != want {
			t.Errorf("visible(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestColumnsLineUpUnderWideLetters(t *testing.T) {
	for text, want := range map[string]int{"abc": 3, "東京": 4, "テスト": 6, "e\u0301": 1, "한글": 4, "🙂": 2, "ｆｕｌｌ": 8, "ﾊﾝ": 2} {
		if got := cellWidth(text); got != want {
			t.Errorf("cellWidth(%q) = %d, want %d", text, got, want)
		}
	}
}

// Whatever a name holds, a table has as many lines as rows, and only letters,
// marks and single spaces reach the terminal.
func FuzzATableCannotBeBroken(f *testing.F) {
	for _, seed := range []string{"Grace", "a\nb", "\u202ex", "a  b", "\xff", "Z\u0301\u0302\u0303\u0304", "\x1b[2J", "👩‍💻"} {
		f.Add(seed, "x")
		f.Add("x", seed)
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		var out bytes.Buffer
		s := &session{process: &process{stdio: stdio{out: &out}}, output: choice{value: asTable}}
		columns := []column[[2]string]{
			{name: "a", cell: func(r [2]string) string { return r[0] }},
			{name: "b", cell: func(r [2]string) string { return r[1] }},
		}
		if err := printRows(s, columns, [][2]string{{a, b}, {"1", "2"}}); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		if len(lines) != 3 {
			t.Fatalf("%d lines of three: %q", len(lines), out.String())
		}
		if !utf8.ValidString(out.String()) {
			t.Errorf("not UTF-8: %q", out.String())
		}
		for _, line := range lines {
			for _, r := range line {
				if !unicode.IsPrint(r) {
					t.Errorf("%U reaches the terminal: %q", r, line)
				}
			}
		}
		if visible(visible(a)) != visible(a) {
			t.Errorf("%q becomes another text when it is shown twice", a)
		}
		if strings.Contains(visible(a), "  ") {
			t.Errorf("%q can look like the gap between columns", visible(a))
		}
	})
}

// No spreadsheet finds a formula, and a program that reads CSV finds the text.
func FuzzCSVCells(f *testing.F) {
	for _, seed := range []string{"=1+1", "+1", "-1", "@x", "\tx", "\rx", "\nx", "plain", `"quoted"`, "a,b", "＝1", "'=1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, cell string) {
		var out bytes.Buffer
		s := &session{process: &process{stdio: stdio{out: &out}}, output: choice{value: asCSV}}
		columns := []column[string]{{name: "a", cell: func(c string) string { return c }}, {name: "b", cell: func(string) string { return "end" }}}
		if err := printRows(s, columns, []string{cell}); err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(&out).ReadAll()
		if err != nil || len(rows) != 2 || rows[1][1] != "end" {
			t.Fatalf("%q became %q, %v", cell, rows, err)
		}
		got := rows[1][0]
		if got != "" && strings.ContainsRune("=+-@\t\r\n＝＋－＠", []rune(got)[0]) {
			t.Errorf("%q begins like a formula", got)
		}
		// The CSV of RFC 4180 has one kind of line end.
		want := strings.ReplaceAll(cell, "\r\n", "\n")
		if strings.TrimPrefix(got, "'") != want && got != want && !strings.Contains(cell, "\r") {
			t.Errorf("%q came back as %q", cell, got)
		}
	})
}

func TestANameCannotPassForAnother(t *testing.T) {
	grace := labelOf(client.User{Type: client.Person, Name: "Grace Hopper", Email: "grace@northwind.example"})
	for _, name := range []string{
		"Grace Hopper <grace@northwind.example>", `Grace Hopper" <grace@northwind.example>`, "Grace Hopper <grace@northwind.example> (api_user)",
	} {
		eve := labelOf(client.User{Type: client.APIUser, Name: name})
		if strings.HasPrefix(eve, grace) || !strings.HasPrefix(eve, `"`) {
			t.Errorf("the API user called %q reads %s, Grace reads %s", name, eve, grace)
		}
	}
}

func TestNamesAreQuotedForTheShell(t *testing.T) {
	for name, want := range map[string]string{"grace@northwind.example": "grace@northwind.example", "Night shift": "'Night shift'", "a'; rm -rf /": `'a'\''; rm -rf /'`, "": "''"} {
		if got := shell(name); got != want {
			t.Errorf("shell(%q) = %s, want %s", name, got, want)
		}
	}
}
