package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/countersign/countersign/client"
)

// paging are the flags of a list.
type paging struct {
	limit, page, size int
	cursor            string
	all               bool
}

func pages(cmd *cobra.Command) *paging {
	p := &paging{}
	flags := cmd.Flags()
	flags.IntVar(&p.limit, "limit", 0, "how many at a time, 1 to 400 (default 50)")
	flags.StringVar(&p.cursor, "cursor", "", "go on after a list that ended with this `CURSOR`")
	flags.IntVar(&p.page, "page", 0, "page number, from 1, instead of --limit and --cursor")
	flags.IntVar(&p.size, "size", 0, "how many on a page (default 50)")
	flags.BoolVar(&p.all, "all", false, "to the end of the list")
	return p
}

func (p *paging) check() error {
	numbered := p.page != 0 || p.size != 0
	switch {
	case numbered && (p.limit != 0 || p.cursor != ""):
		return usage("give --limit and --cursor, or --page and --size, not both")
	case numbered && p.all:
		return usage("--all goes to the end by itself; leave --page and --size away")
	case p.limit < 0 || p.page < 0 || p.size < 0:
		return usage("--limit, --page and --size count from 1")
	default:
		return nil
	}
}

// fetch asks for one page.
type fetch[T any] func(client.Paging, ...client.ReadOption) (*client.List[T], error)

// showList writes one page of a list, or with --all the whole of it as it comes.
func showList[T any](s *session, p *paging, columns []column[T], get fetch[T]) error {
	if err := p.check(); err != nil {
		return err
	}
	at := client.Paging{Limit: p.limit, Cursor: p.cursor, Page: p.page, Size: p.size}
	if p.all && at.Limit == 0 {
		at.Limit = maxPage
	}
	out := listWriter[T]{session: s, columns: columns, whole: p.all}
	for {
		var raw []byte
		list, err := get(at, s.reading(&raw)...)
		if err != nil {
			return out.broken(err)
		}
		if err := out.page(list, raw); err != nil {
			return err
		}
		if !p.all || list.NextCursor == "" {
			return out.end(list)
		}
		if list.NextCursor == at.Cursor {
			return out.broken(errors.New("its next page is the page itself"))
		}
		at.Cursor = list.NextCursor
	}
}

// maxPage is how many items the API gives at once.
const maxPage = 400

// listWriter writes pages as they come, so that a list may be longer than memory.
type listWriter[T any] struct {
	*session
	columns []column[T]
	whole   bool
	to      writer
	shown   int64
	told    int64
	// open is true while a line of progress stands on the terminal, where the rows
	// may be going too.
	open bool
}

func (w *listWriter[T]) page(list *client.List[T], raw []byte) error {
	w.clear()
	defer w.progress(list)
	before := w.shown
	w.shown += int64(len(list.Items))
	if w.format() == asJSON {
		if !w.whole {
			return w.printJSON(raw)
		}
		return w.itemsOf(raw, before)
	}
	columns := w.columns
	if w.format() == asTable {
		columns = brief(columns)
		if w.shown == 0 {
			return nil // a header over nothing is not worth its line
		}
	}
	if w.to == nil {
		w.to = writerFor(w.session, columns)
	}
	rows := make([][]string, len(list.Items))
	for i, item := range list.Items {
		rows[i] = cells(columns, item)
	}
	return w.to.rows(rows)
}

// itemsOf writes the items of one page into the one list that --all makes.
func (w *listWriter[T]) itemsOf(raw []byte, before int64) error {
	var list struct {
		Items []json.RawMessage `json:"items"`
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		return fmt.Errorf("the answer is not a list: %w", err)
	}
	if before == 0 {
		fmt.Fprint(w.out, "{\n  \"items\": [")
	}
	for i, item := range list.Items {
		indented, err := json.MarshalIndent(item, "    ", "  ")
		if err != nil {
			return fmt.Errorf("the answer is not JSON: %w", err)
		}
		separator := ","
		if before == 0 && i == 0 {
			separator = ""
		}
		if _, err := fmt.Fprintf(w.out, "%s\n    %s", separator, quietJSON(indented)); err != nil {
			return err
		}
	}
	return nil
}

// end says how many there are.
func (w *listWriter[T]) end(list *client.List[T]) error {
	if w.format() == asJSON {
		if w.whole {
			fmt.Fprintf(w.out, "\n  ],\n  \"total\": %d,\n  \"next_cursor\": null\n}\n", list.Total)
		}
		return nil
	}
	to := w.out
	if w.format() == asCSV {
		to = w.err // only rows belong into the file
	}
	switch {
	case w.shown == list.Total:
		fmt.Fprintf(to, "total %d\n", list.Total)
	case list.NextCursor != "":
		fmt.Fprintf(to, "total %d, %d shown; more with --all, or with --cursor %s\n", list.Total, w.shown, visible(list.NextCursor))
	default:
		fmt.Fprintf(to, "total %d, %d shown\n", list.Total, w.shown)
	}
	return nil
}

// broken says that what was written so far is not all.
func (w *listWriter[T]) broken(err error) error {
	w.clear()
	if w.shown > 0 {
		return fmt.Errorf("the list broke off after %d: %w", w.shown, err)
	}
	return err
}

func (w *listWriter[T]) clear() {
	if w.open {
		fmt.Fprintf(w.err, "\r%40s\r", "")
		w.open = false
	}
}

// progress tells a person, on standard error, how far a long list has come: at
// every page where he can watch a line change, else at every tenth.
func (w *listWriter[T]) progress(list *client.List[T]) {
	if !w.whole || list.NextCursor == "" || (w.told == 0 && list.Total <= 2*w.shown) {
		return
	}
	switch {
	case w.interactive:
		fmt.Fprintf(w.err, "fetched %d of %d", w.shown, list.Total)
		w.open = true
	case w.told == 0 || w.shown-w.told >= list.Total/10:
		fmt.Fprintf(w.err, "fetched %d of %d\n", w.shown, list.Total)
	default:
		return
	}
	w.told = w.shown
}
