package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Servers that are measured over HTTP run in processes of their own, as servers
// do, each with nothing but its own heap to collect; the client is a third
// process, the same for all of them.

// childEnv makes this program a server: "bare", or the file of a world.
const childEnv = "COUNTERSIGN_BENCH_SERVE"

// door is where a world is asked from outside.
type door struct {
	founded
	file, address string
}

// child is a server in a process of its own.
type child struct {
	address string
	pid     int
	stop    func() error
}

// remote is one that serves a world.
type remote struct {
	door
	child
}

// startChild starts this program as a server and waits for its address.
func startChild(ctx context.Context, what string) (child, error) {
	self, err := os.Executable()
	if err != nil {
		return child{}, err
	}
	c := exec.CommandContext(ctx, self)
	c.Env = append(os.Environ(), childEnv+"="+what)
	c.Stderr = os.Stderr
	in, err := c.StdinPipe()
	if err != nil {
		return child{}, err
	}
	out, err := c.StdoutPipe()
	if err != nil {
		return child{}, err
	}
	if err := c.Start(); err != nil {
		return child{}, err
	}
	stop := func() error { return errors.Join(in.Close(), c.Wait()) }
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return child{}, errors.Join(fmt.Errorf("the server did not start: %w", err), stop())
	}
	return child{strings.TrimSpace(line), c.Process.Pid, stop}, nil
}

// cpu is the processor time a server has used, where the system tells: that of
// all its threads, to the nanosecond.
func (c child) cpu() (time.Duration, error) {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", c.pid))
	if err != nil {
		return 0, err
	}
	var sum int64
	for _, thread := range threads {
		text, err := os.ReadFile(thread)
		if errors.Is(err, os.ErrNotExist) {
			continue // it has just ended
		}
		if err != nil {
			return 0, err
		}
		running, _, _ := strings.Cut(string(text), " ")
		n, err := strconv.ParseInt(running, 10, 64)
		if err != nil {
			return 0, err
		}
		sum += n
	}
	if sum == 0 {
		return 0, errors.New("the system says nothing about processor time")
	}
	return time.Duration(sum), nil
}

// burnt turns a contender that asks this server into one that tells the server's
// processor time for each operation.
func (c child) burnt(asks contender) contender {
	return func(ctx context.Context, d time.Duration) (float64, error) {
		before, err := c.cpu()
		if err != nil {
			return 0, err
		}
		began := time.Now()
		perOp, err := asks(ctx, d)
		if err != nil {
			return 0, err
		}
		past := time.Since(began)
		after, err := c.cpu()
		return (after - before).Seconds() / past.Seconds() * perOp, err
	}
}

// serveChild serves until the parent closes in.
func serveChild(ctx context.Context, what string, in io.Reader, out io.Writer) (err error) {
	h := &house{}
	if what != "bare" {
		if h, err = furnish(ctx, what, 0); err != nil {
			return err
		}
		_, err = load(ctx, h.engine, h.Organization)
	} else {
		h.address, err = h.serve(ctx, bareHandler())
	}
	if err == nil {
		fmt.Fprintln(out, h.address)
		_, err = io.Copy(io.Discard, in)
	}
	return errors.Join(err, h.close())
}

// remote starts the server of a world.
func (s *session) remote(ctx context.Context, u use) (*remote, error) {
	if r, ok := s.remotes[u]; ok {
		return r, nil
	}
	file, err := s.file(ctx, u)
	if err != nil {
		return nil, err
	}
	f, err := readFounded(file)
	if err != nil {
		return nil, err
	}
	step, done := s.say.count("starting a server with "+u.shape.words(), 1)
	defer done()
	c, err := startChild(ctx, file)
	if err != nil {
		return nil, err
	}
	step(1)
	r := &remote{door{f, file, c.address}, c}
	s.remotes[u] = r
	return r, nil
}
