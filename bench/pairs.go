package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
)

// pairs are the measurements, in the order of the report.
func (b *bench) pairs() []pair {
	return []pair{
		{
			name: "check over HTTP", ours: "all on", theirs: "bare handler", aim: "at least 0.7",
			run: b.overHTTP(func() net.Listener { return b.ours }), beside: b.overHTTP(func() net.Listener { return b.bare }),
		},
		{
			name: "check in process", ours: "Book.Holds", theirs: "map look-up", aim: "-",
			run: b.inProcess, beside: b.mapLookup,
		},
		{
			name: "durable change, one after another (times slower)", ours: "governed", theirs: "bare commit", aim: "at most 1.5", slower: true,
			run: oneByOne(b.governed), beside: oneByOne(b.bareCommit),
		},
	}
}

type checkBody struct {
	UserID     string `json:"user_id"`
	Permission string `json:"permission"`
}

type checkAnswer struct {
	Allowed  bool  `json:"allowed"`
	Revision int64 `json:"revision"`
}

// bareCheck is the least a Go server can do with the same bytes.
func bareCheck(w http.ResponseWriter, r *http.Request) {
	var in checkBody
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(checkAnswer{Allowed: len(in.UserID)%2 == 0, Revision: 1}) // a client that left is not measured
}

// overHTTP asks random questions over kept-alive connections with a client that
// costs little, so that the server is what is measured.
func (b *bench) overHTTP(listener func() net.Listener) round {
	return func(d time.Duration) (float64, error) {
		var done, allowed atomic.Int64
		var failed atomic.Pointer[error]
		var wg sync.WaitGroup
		stop := time.Now().Add(d)
		for c := range clients {
			wg.Go(func() {
				n, yes, err := b.askUntil(listener().Addr().String(), uint64(c), stop)
				done.Add(n)
				allowed.Add(yes)
				if err != nil {
					failed.Store(&err)
				}
			})
		}
		wg.Wait()
		if err := failed.Load(); err != nil {
			return 0, *err
		}
		if share := float64(allowed.Load()) / float64(done.Load()); listener() == b.ours && (share < 0.45 || share > 0.55) {
			return 0, fmt.Errorf("%.0f %% of the checks were allowed, not half", 100*share)
		}
		return float64(done.Load()) / d.Seconds(), nil
	}
}

func (b *bench) askUntil(address string, client uint64, stop time.Time) (asks, allowed int64, err error) {
	conn, err := new(net.Dialer).DialContext(context.Background(), "tcp", address)
	if err != nil {
		return 0, 0, err
	}
	defer conn.Close()
	r := mathrand.New(mathrand.NewPCG(seed, client))
	in := bufio.NewReader(conn)
	var request, body bytes.Buffer
	for time.Now().Before(stop) {
		body.Reset()
		fmt.Fprintf(&body, `{"user_id":%q,"permission":%q}`, b.users[r.IntN(len(b.users))], asked(r))
		request.Reset()
		fmt.Fprintf(&request, "POST /directory/v1/check HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", b.token, body.Len())
		request.Write(body.Bytes())
		if _, err := conn.Write(request.Bytes()); err != nil {
			return asks, allowed, err
		}
		yes, err := readAnswer(in)
		if err != nil {
			return asks, allowed, err
		}
		if yes {
			allowed++
		}
		asks++
	}
	return asks, allowed, nil
}

// readAnswer reads one response with a Content-Length.
func readAnswer(in *bufio.Reader) (bool, error) {
	length := -1
	status, err := in.ReadSlice('\n')
	if err != nil {
		return false, err
	}
	if !bytes.Contains(status, []byte(" 200 ")) {
		return false, fmt.Errorf("answered %s", status)
	}
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return false, err
		}
		if len(line) <= 2 {
			break
		}
		if value, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return false, err
			}
		}
	}
	if length < 0 {
		return false, errors.New("an answer without Content-Length")
	}
	body := make([]byte, length)
	if _, err := io.ReadFull(in, body); err != nil {
		return false, err
	}
	return bytes.Contains(body, []byte(`"allowed":true`)), nil
}

// batch is how many quick operations are made between two looks at the clock.
const batch = 1000

func (b *bench) inProcess(d time.Duration) (float64, error) {
	book, err := b.engine.Picture(context.Background(), b.admin.Organization)
	if err != nil {
		return 0, err
	}
	questions := b.questions()
	now := time.Now()
	return timed(d, func(i int) {
		q := questions[i%len(questions)]
		book.Holds(q.User, q.Permission, now)
	}), nil
}

func (b *bench) mapLookup(d time.Duration) (float64, error) {
	answers := make(map[countersign.UserID]map[countersign.Permission]bool, len(b.users))
	one := map[countersign.Permission]bool{}
	for i := range groupsPerUser {
		one[permission(i)] = true
	}
	for _, id := range b.users {
		answers[id] = one
	}
	questions := b.questions()
	found := 0
	rate := timed(d, func(i int) {
		q := questions[i%len(questions)]
		if answers[q.User][q.Permission] {
			found++
		}
	})
	if found == 0 {
		return 0, errors.New("nothing was found")
	}
	return rate, nil
}

// questions are drawn beforehand, so that drawing is not measured.
func (b *bench) questions() []engine.Question {
	r := mathrand.New(mathrand.NewPCG(seed, 99))
	out := make([]engine.Question, 1<<16)
	for i := range out {
		out[i] = engine.Question{User: b.users[r.IntN(len(b.users))], Permission: asked(r)}
	}
	return out
}

func timed(d time.Duration, fn func(i int)) float64 {
	start := time.Now()
	n := 0
	for time.Since(start) < d {
		for range batch {
			fn(n)
			n++
		}
	}
	return float64(n) / time.Since(start).Seconds()
}

// governed makes a group: access, ledger, entry, tree hashes, outbox, commit with
// fsync, and the roster following.
func (b *bench) governed() error {
	b.made++
	_, err := b.engine.Submit(context.Background(), b.admin, []countersign.Change{&countersign.CreateGroup{Name: fmt.Sprint("made ", b.made)}}, engine.Options{})
	return err
}

// bareCommit is the least that is durable.
func (b *bench) bareCommit() error {
	_, err := b.plain.ExecContext(context.Background(), "insert into t (body) values ($1)", "a name of a group")
	return err
}

// oneByOne repeats an operation, one after another.
func oneByOne(fn func() error) round {
	return func(d time.Duration) (float64, error) {
		start := time.Now()
		n := 0
		for ; time.Since(start) < d; n++ {
			if err := fn(); err != nil {
				return 0, err
			}
		}
		return float64(n) / time.Since(start).Seconds(), nil
	}
}
