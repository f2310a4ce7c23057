package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/countersign/countersign/client"
	"github.com/countersign/countersign/internal/csvimport"
)

// inFlight batches are sent at a time: while the directory writes one, it reads
// the next.
const inFlight = 2

// sendAll sends the batches that are not taken in yet, stage by stage.
func (i *importing) sendAll(ctx context.Context, known *client.Import) error {
	total, done := 0, 0
	var left []int
	for index, b := range i.plan.Batches {
		total += b.Counts.Rows()
		if slices.Contains(known.Applied, int64(index)) {
			done += b.Counts.Rows()
			continue
		}
		left = append(left, index)
	}
	if done > 0 {
		fmt.Fprintf(i.err, "going on with import %s: %d of %d rows are imported\n", known.ID, done, total)
	}
	bar := i.newBar(total, done)
	for len(left) > 0 {
		stage := i.plan.Batches[left[0]].Stage
		end := slices.IndexFunc(left, func(index int) bool { return i.plan.Batches[index].Stage != stage })
		if end < 0 {
			end = len(left)
		}
		if err := i.sendStage(ctx, known.ID, left[:end], bar); err != nil {
			bar.stop()
			return i.broken(err)
		}
		left = left[end:]
	}
	bar.stop()
	return i.finish(ctx)
}

// broken says how to go on after an import broke off.
func (i *importing) broken(err error) error {
	var answered *client.Error
	if errors.As(err, &answered) && answered.Details["line"] != "" && !i.skip {
		fmt.Fprintf(i.err, "note: the batch with this row was not imported. Leave such rows out with a new import: --new --skip-rejects.\n")
	} else if !errors.As(err, &answered) {
		fmt.Fprintf(i.err, "note: the import broke off; the same command goes on where it was.\n")
	}
	return i.unheard(err)
}

// unheard says what to do when nobody knows what became of a request. It is not
// what others are told, to come again with its key: an import keeps its keys, and
// no batch is taken in twice.
func (i *importing) unheard(err error) error {
	var unknown *client.UnknownOutcomeError
	if !errors.As(err, &unknown) {
		return err
	}
	explain(i.err, &usageError{
		message: fmt.Sprintf("nobody knows what became of this: the request was sent, and may have been carried out (%v)", unknown.Err),
		below:   []string{"The same command finds out and goes on; nothing is done twice."},
	})
	return saidError{err}
}

// sendStage sends batches, a few at a time, and stops at the first error.
func (i *importing) sendStage(ctx context.Context, id client.ChangeID, indexes []int, bar *bar) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var mu sync.Mutex
	var failed error
	next := make(chan int)
	var wg sync.WaitGroup
	for range min(inFlight, len(indexes)) {
		wg.Go(func() {
			for index := range next {
				batch := &i.plan.Batches[index]
				out, err := i.api.TakeImportBatch(ctx, id, index, batch.Body)
				mu.Lock()
				switch {
				case err != nil && failed == nil:
					failed = err
					cancel()
				case err == nil && out.Object != nil:
					i.noteSkipped(index, out.Object.Skipped)
				}
				if err == nil {
					bar.add(batch)
				}
				mu.Unlock()
			}
		})
	}
	for _, index := range indexes {
		select {
		case next <- index:
			continue
		case <-ctx.Done():
		}
		break
	}
	close(next)
	wg.Wait()
	if failed == nil {
		failed = ctx.Err()
	}
	return failed
}

// bar shows how far an import has come: a bar where somebody watches, else a line
// now and then.
type bar struct {
	s           *session
	shown       *progressbar.ProgressBar
	total, done int
	said        int
	began       time.Time
}

func (i *importing) newBar(total, done int) *bar {
	b := &bar{s: i.session, total: total, done: done, began: time.Now()}
	if i.interactive {
		b.shown = progressbar.NewOptions(total,
			progressbar.OptionSetWriter(i.err), progressbar.OptionSetDescription("importing"), progressbar.OptionSetWidth(30),
			progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetItsString("rows"),
			progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish())
		_ = b.shown.Set(done) // what cannot be shown is not shown
	}
	return b
}

// add counts a batch.
func (b *bar) add(batch *csvimport.Batch) {
	b.done += batch.Counts.Rows()
	if b.shown != nil {
		_ = b.shown.Set(b.done) // as above
		return
	}
	if tenth := 10 * b.done / b.total; tenth > b.said {
		b.said = tenth
		fmt.Fprintf(b.s.err, "imported %d of %d rows\n", b.done, b.total)
	}
}

func (b *bar) stop() {
	if b.shown != nil {
		_ = b.shown.Clear() // as above
	}
}
