package client

import (
	"context"
	"errors"
	"iter"
	"net/url"
	"strconv"
)

// maxPage is how many items a page may hold; iterators ask for as many.
const maxPage = 400

// List is one page of a list.
type List[T any] struct {
	Items []T `json:"items"`
	// Total of the whole list, exact.
	Total int64 `json:"total"`
	// NextCursor is empty on the last page, and when pages are asked for by number.
	NextCursor string `json:"next_cursor"`
	// Revision the page was read at.
	Revision int64 `json:"-"`
}

// Paging selects a page: Limit and Cursor, or Page and Size. The zero value is the
// first page of the server's choice.
type Paging struct {
	Limit  int
	Cursor string
	Page   int
	Size   int
}

func (p Paging) values(v url.Values) {
	addInt(v, "limit", int64(p.Limit))
	addString(v, "cursor", p.Cursor)
	addInt(v, "page", int64(p.Page))
	addInt(v, "size", int64(p.Size))
}

// list asks for one page.
func list[T any](ctx context.Context, c *Client, path string, query url.Values, opts []ReadOption) (*List[T], error) {
	r := get(path)
	r.query = query
	out, revision, err := readAt[List[T]](ctx, c, r, opts)
	if err != nil {
		return nil, err
	}
	out.Revision = revision
	return out, nil
}

// all pages a list to its end by cursor. fetch gets the paging of the next page.
// Stopping early costs nothing; an error is yielded once, and is the last pair.
func all[T any](first Paging, fetch func(Paging) (*List[T], error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		paging := Paging{Limit: first.Limit, Cursor: first.Cursor}
		if paging.Limit == 0 {
			paging.Limit = maxPage
		}
		for {
			page, err := fetch(paging)
			if err == nil && page.NextCursor != "" && page.NextCursor == paging.Cursor {
				// A server that did this would keep us here for ever.
				err = errors.New("the list does not move on: its next page is the page itself")
			}
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, item := range page.Items {
				if !yield(item, nil) {
					return
				}
			}
			if page.NextCursor == "" {
				return
			}
			paging.Cursor = page.NextCursor
		}
	}
}

// Parameters that may be repeated are alternatives.
func addAll[T ~string](v url.Values, name string, values []T) {
	for _, value := range values {
		v.Add(name, string(value))
	}
}

func addString[T ~string](v url.Values, name string, value T) {
	if value != "" {
		v.Set(name, string(value))
	}
}

func addInt(v url.Values, name string, value int64) {
	if value != 0 {
		v.Set(name, strconv.FormatInt(value, 10))
	}
}

func addBool(v url.Values, name string, value bool) {
	if value {
		v.Set(name, "true")
	}
}
