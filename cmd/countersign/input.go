package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/countersign/countersign/client"
)

// maxInput bounds what is read from a file or standard input; the API takes no
// more than this in one request.
const maxInput = 8 << 20

var errInterrupted = errors.New("interrupted; nothing was sent")

// awaited reads from a person or a pipe until the command is interrupted: a signal
// ends a context, but not a read. The reader is left behind; the program ends soon.
func awaited[T any](ctx context.Context, read func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := read()
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		var none T
		return none, errInterrupted
	}
}

// readFile reads a file, or standard input for -.
func (s *session) readFile(ctx context.Context, path string) ([]byte, error) {
	from := s.in
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return nil, usage("%v", err)
		}
		defer file.Close()
		from = file
	}
	text, err := awaited(ctx, func() ([]byte, error) { return io.ReadAll(io.LimitReader(from, maxInput+1)) })
	switch {
	case errors.Is(err, errInterrupted):
		return nil, err
	case err != nil:
		return nil, usage("reading %s: %v", path, err)
	case len(text) > maxInput:
		return nil, usage("%s is larger than 8 MB, more than the API takes at once", path)
	}
	return text, nil
}

// lines reads a file of one entry a line; blank ones do not count.
func (s *session) lines(ctx context.Context, path string) ([]string, error) {
	text, err := s.readFile(ctx, path)
	if err != nil {
		return nil, err
	}
	var out []string
	for line := range bytes.Lines(text) {
		if line = bytes.TrimSpace(line); len(line) > 0 {
			out = append(out, string(line))
		}
	}
	return out, nil
}

// line reads one line, a byte at a time: what follows belongs to somebody else.
func (s *session) line(ctx context.Context) (string, error) {
	return awaited(ctx, func() (string, error) {
		var text []byte
		for one := make([]byte, 1); len(text) < 4096; {
			n, err := s.in.Read(one)
			if n == 1 && one[0] == '\n' || errors.Is(err, io.EOF) && len(text) > 0 {
				break
			}
			if err != nil {
				return "", fmt.Errorf("no answer: %w", err)
			}
			text = append(text, one[:n]...)
		}
		return strings.TrimSpace(string(text)), nil
	})
}

// ask asks a person yes or no; everything but yes is no. Where nobody sits it fails
// and names the command that needs no answer.
func (s *session) ask(ctx context.Context, question, unasked string) error {
	if !s.interactive {
		return usage("nobody can be asked here; if it is what you want: countersign %s", unasked)
	}
	fmt.Fprintf(s.err, "%s [y/N] ", question)
	answer, err := s.line(ctx)
	if err != nil {
		return err
	}
	switch strings.ToLower(answer) {
	case "y", "yes":
		return nil
	default:
		return errors.New("not confirmed; nothing was sent")
	}
}

// secretArgument takes a secret from the arguments, from a terminal without
// showing it, or from standard input.
func (s *session) secretArgument(ctx context.Context, args []string, prompt string) (client.SecretValue, error) {
	if len(args) == 1 && args[0] != "-" {
		return client.NewSecretValue(strings.TrimSpace(args[0])), nil
	}
	if file, ok := s.in.(*os.File); ok && s.interactive {
		return s.hidden(ctx, int(file.Fd()), prompt)
	}
	line, err := s.line(ctx)
	if errors.Is(err, errInterrupted) {
		return client.SecretValue{}, err
	}
	if err != nil || line == "" {
		return client.SecretValue{}, usage("nothing stands on standard input")
	}
	return client.NewSecretValue(line), nil
}

// hidden reads from a terminal without showing what is typed. Whoever is
// interrupted gets his terminal back as it was.
func (s *session) hidden(ctx context.Context, terminal int, prompt string) (client.SecretValue, error) {
	before, err := term.GetState(terminal)
	if err != nil {
		return client.SecretValue{}, fmt.Errorf("reading the terminal: %w", err)
	}
	fmt.Fprint(s.err, prompt)
	text, err := awaited(ctx, func() ([]byte, error) { return term.ReadPassword(terminal) })
	fmt.Fprintln(s.err)
	if err != nil {
		return client.SecretValue{}, errors.Join(err, term.Restore(terminal, before))
	}
	return client.NewSecretValue(strings.TrimSpace(string(text))), nil
}
