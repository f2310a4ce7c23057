package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Getenv, stdio{
		in: os.Stdin, out: os.Stdout, err: os.Stderr,
		interactive: term.IsTerminal(int(os.Stdin.Fd())) && term.IsTerminal(int(os.Stderr.Fd())),
	})
	stop()
	os.Exit(exitCode(err))
}

// stdio is the terminal, or what stands in for it.
type stdio struct {
	in       io.Reader
	out, err io.Writer
	// interactive is true where somebody sits who can answer a question.
	interactive bool
}

// process is everything a command gets from outside of its arguments.
type process struct {
	stdio
	getenv func(string) string
}

// run is the whole program. It writes the error it returns to standard error, in
// words that say what to do next; exitCode turns it into a number.
func run(ctx context.Context, args []string, getenv func(string) string, io stdio) error {
	p := &process{stdio: io, getenv: getenv}
	root := newRootCommand(p)
	root.SetArgs(args)
	root.SetIn(io.in)
	root.SetOut(io.out)
	root.SetErr(io.err)
	err := root.ExecuteContext(ctx)
	if err != nil {
		explain(io.err, err)
	}
	return err
}

// newRootCommand lists every command there is.
func newRootCommand(p *process) *cobra.Command {
	root := &cobra.Command{Use: "countersign", SilenceUsage: true, SilenceErrors: true}
	root.AddCommand(newDemoCommand(p), newServeCommand(p), newInitCommand(p))
	return root
}
