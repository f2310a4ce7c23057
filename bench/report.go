package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"
)

// report is everything a run found out.
type report struct {
	Machine machine `json:"machine"`
	Users   int     `json:"users"`
	Seed    uint64  `json:"seed"`
	Rounds  int     `json:"rounds"`
	Seconds float64 `json:"seconds"`
	Rows    []row   `json:"rows"`
}

func (r row) middle(rounds []float64) string {
	if len(rounds) == 0 {
		return ""
	}
	return shown(r.Unit, median(rounds))
}

// cells are the columns of the table.
func (r row) cells() []string {
	if r.Skipped != "" {
		return []string{r.Name, "-", "-", "-", "-", r.Aim.String(), r.Skipped}
	}
	return []string{
		r.Name, r.middle(r.OursRounds), orDash(r.middle(r.BesideRounds)), number(r.Ratio.Median),
		number(r.Ratio.Least) + " - " + number(r.Ratio.Most), r.Aim.String(), r.Aim.verdict(r.Ratio.Median),
	}
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func headings() []string {
	return []string{"name", "ours", "beside it", "ratio", "min - max", "aim", ""}
}

// printTable lines the rows up.
func (r report) printTable(w io.Writer) {
	fmt.Fprintf(w, "%s, %d cores, %s, %s, %s, commit %s\n%s users, seed %d, medians of %d rounds of %gs\n\n", r.Machine.CPU, r.Machine.Cores,
		r.Machine.Memory, r.Machine.OS, r.Machine.Go, r.Machine.Commit, grouped(r.Users), r.Seed, r.Rounds, r.Seconds)
	table := [][]string{headings()}
	for _, one := range r.Rows {
		table = append(table, one.cells())
	}
	widths := make([]int, len(headings()))
	for _, cells := range table {
		for i, cell := range cells {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, cells := range table {
		var line strings.Builder
		for i, cell := range cells {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i == 0 || i == len(cells)-1 {
				line.WriteString(cell + pad + "  ")
			} else {
				line.WriteString(pad + cell + "  ")
			}
		}
		fmt.Fprintln(w, strings.TrimRight(line.String(), " "))
	}
	r.printNotes(w)
}

// printNotes says what each row is, what it rests on, and how to repeat it.
func (r report) printNotes(w io.Writer) {
	for _, one := range r.Rows {
		fmt.Fprintf(w, "\n%s: %s\n  %s, beside %s\n", one.Name, one.What, one.Ours, one.Beside)
		if one.Compared != "" {
			fmt.Fprintf(w, "  compared: %s\n", one.Compared)
		}
		fmt.Fprintf(w, "  repeat:   %s\n", one.Command)
		for _, p := range one.Plans {
			p.print(w, "  ")
		}
	}
}

func (p plan) print(w io.Writer, indent string) {
	kept := "tried"
	if p.Kept {
		kept = "kept"
	}
	fmt.Fprintf(w, "%s%s in %s, indexes: %s\n", indent, kept, duration(p.Trial), orDash(strings.Join(p.Indexes, ", ")))
	if p.Kept {
		fmt.Fprintf(w, "%s  %s\n", indent, strings.Join(strings.Fields(p.Query), " "))
	}
	for _, step := range p.Steps {
		fmt.Fprintf(w, "%s    %s\n", indent, step)
	}
}

// printMarkdown is the section for docs/benchmarks.md.
func (r report) printMarkdown(w io.Writer) {
	fmt.Fprintf(w, "### %s users, %s\n\n", grouped(r.Users), r.Machine.Date)
	fmt.Fprintf(w, "%s, %d cores, %s, %s, %s. Commit %s, seed %d. Medians of %d rounds of %g s; load before the run %.2f.\n\n", r.Machine.CPU,
		r.Machine.Cores, r.Machine.Memory, r.Machine.OS, r.Machine.Go, r.Machine.Commit, r.Seed, r.Rounds, r.Seconds, r.Machine.Load)
	fmt.Fprintf(w, "| row | ours | beside it | ratio | min - max | aim | |\n|---|---:|---:|---:|---:|---:|---|\n")
	for _, one := range r.Rows {
		fmt.Fprintf(w, "| %s |\n", strings.Join(one.cells(), " | "))
	}
	fmt.Fprintf(w, "\nTo repeat a row:\n\n```sh\n")
	said := map[string]bool{}
	for _, one := range r.Rows {
		if !said[one.Command] {
			fmt.Fprintln(w, one.Command)
		}
		said[one.Command] = true
	}
	fmt.Fprintf(w, "```\n\nEvery round, ours and what stands beside it:\n\n```\n")
	for _, one := range r.Rows {
		one.printRounds(w)
	}
	fmt.Fprintf(w, "```\n\nWhat SQLite says about the queries beside (EXPLAIN QUERY PLAN):\n")
	for _, one := range r.Rows {
		if len(one.Plans) == 0 {
			continue
		}
		fmt.Fprintf(w, "\n`%s`, %s:\n\n```\n", one.Name, one.Beside)
		for _, p := range one.Plans {
			p.print(w, "")
		}
		fmt.Fprintf(w, "```\n")
	}
}

func (r row) printRounds(w io.Writer) {
	if r.Skipped != "" {
		return
	}
	for i, side := range [][]float64{r.OursRounds, r.BesideRounds} {
		if len(side) == 0 {
			continue
		}
		fmt.Fprintf(w, "%-22s %-6s", r.Name, [2]string{"ours", "beside"}[i])
		for _, f := range side {
			fmt.Fprintf(w, "  %s", shown(r.Unit, f))
		}
		fmt.Fprintln(w)
	}
}

// print shows a report as it was asked for.
func (r report) print(w io.Writer, markdown bool) {
	if markdown {
		r.printMarkdown(w)
	} else {
		r.printTable(w)
	}
}

func readReport(file string) (report, error) {
	var r report
	text, err := os.ReadFile(file)
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal(text, &r)
}

func (r report) writeJSON(file string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o600)
}
