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
	// The first signal ends what can be ended in order, a second one everything.
	context.AfterFunc(ctx, stop)
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
	running := false
	whenRunning(root, func() { running = true })
	cmd, err := root.ExecuteContextC(ctx)
	if err != nil && !running {
		// Whatever fails before a command begins is about its arguments.
		err = &usageError{command: cmd.CommandPath(), message: err.Error()}
	}
	if err != nil {
		explain(io.err, err)
	}
	return err
}

// whenRunning tells when a command of the tree begins to do its work.
func whenRunning(cmd *cobra.Command, begin func()) {
	if inner := cmd.RunE; inner != nil {
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			begin()
			return inner(cmd, args)
		}
	}
	for _, sub := range cmd.Commands() {
		whenRunning(sub, begin)
	}
}

// newRootCommand lists every command there is.
func newRootCommand(p *process) *cobra.Command {
	root := noun("countersign", "The directory whose sensitive changes wait for a second person", `
The directory of users, groups, memberships and permissions whose sensitive
changes wait for a second person.

demo, serve and init run a directory. Every other command speaks to a running
one through its API, which it finds by these flags or variables:

  --url          COUNTERSIGN_URL          http://127.0.0.1:8080 when absent
  --token        COUNTERSIGN_TOKEN
  --credentials  COUNTERSIGN_CREDENTIALS  the file that demo or init wrote
  --as                                    whose token of that file to use

Flags win over variables; an address or token given by itself wins over the file.

A change that policy holds is no failure: the command says which change waits,
how to have it approved, and exits 0.

Exit codes:
  0  done, or waiting for approval
  1  refused or failed; of check: denied
  2  wrong arguments
  3  not authenticated
  4  not found
  5  unavailable: no answer, too busy, or an outcome nobody knows
  6  the server says something else than its own documents: trust nothing it shows`,
		`  countersign demo --credentials demo.json
  export COUNTERSIGN_CREDENTIALS=demo.json
  countersign changes list --needs-me --as grace`)
	root.SilenceUsage, root.SilenceErrors = true, true
	root.Version = buildVersion()
	root.AddGroup(&cobra.Group{ID: "run", Title: "Run a directory:"}, &cobra.Group{ID: "use", Title: "Use a directory:"})
	for _, cmd := range []*cobra.Command{newDemoCommand(p), newServeCommand(p), newInitCommand(p)} {
		cmd.GroupID = "run"
		root.AddCommand(cmd)
	}
	for _, cmd := range []*cobra.Command{
		newUsersCommand(p), newGroupsCommand(p), newMembersCommand(p), newChangesCommand(p), newPolicyCommand(p), newCheckCommand(p),
		newCredentialsCommand(p), newKeysCommand(p), newAuditCommand(p), newPermissionsCommand(p), newOrganizationCommand(p), newRecoveryCommand(p), newEmergencyCommand(p), newImportCommand(p), newMeCommand(p),
	} {
		cmd.GroupID = "use"
		root.AddCommand(cmd)
	}
	return root
}
