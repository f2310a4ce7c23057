package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
)

type demoFlags struct {
	listen, credentials, approvals string
	mounts                         []string
	verbose                        bool
	fordefi                        fordefiFlags
	b2core                         b2coreFlags
}

func newDemoCommand(p *process) *cobra.Command {
	var f demoFlags
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run a server with a small organization to try things on",
		Long: `Run a server on a temporary database with a small organization: three admins
(ada, grace, linus), a viewer (vera) who answers for the API users, some groups,
and one change that waits for approval. Everything is gone when it ends.

With --approvals on, the default, the organization is sealed: every change of
users, groups, memberships and credentials needs one other admin, a change of the
policy two. With --approvals off changes apply at once.`,
		Example: `  countersign demo --credentials demo.json
  countersign users list --credentials demo.json --as grace`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return demo(cmd.Context(), p, f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.listen, "listen", "127.0.0.1:8080", "address to listen on")
	flags.StringVar(&f.credentials, "credentials", "", "where to write the credentials of the demo, mode 0600 (default: in the temporary folder)")
	flags.StringVar(&f.approvals, "approvals", "on", "on or off")
	flags.StringArrayVar(&f.mounts, "mount", nil, mountUsage)
	f.fordefi.register(cmd)
	f.b2core.register(cmd)
	flags.BoolVar(&f.verbose, "verbose", false, "log every request")
	return cmd
}

func demo(ctx context.Context, p *process, f demoFlags) (err error) {
	if f.approvals != "on" && f.approvals != "off" {
		return fmt.Errorf("--approvals %q must be on or off", f.approvals)
	}
	mounts, err := parseMounts(f.mounts)
	if err != nil {
		return err
	}
	if err := errors.Join(f.fordefi.check(), f.b2core.check()); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "countersign-demo-")
	if err != nil {
		return fmt.Errorf("making a temporary folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if f.credentials == "" {
		f.credentials = filepath.Join(dir, "credentials.json")
	}
	if f.credentials, err = filepath.Abs(f.credentials); err != nil {
		return fmt.Errorf("finding %s: %w", f.credentials, err)
	}
	l, url, err := listen(ctx, f.listen)
	if err != nil {
		return err
	}
	level := slog.LevelWarn
	if f.verbose {
		level = slog.LevelInfo
	}
	database := filepath.Join(dir, "countersign.db")
	h, err := build(ctx, plan{
		db: database, logKey: filepath.Join(dir, "log-key"), mounts: mounts, fordefi: f.fordefi, b2core: f.b2core,
		logger: slog.New(slog.NewTextHandler(p.err, &slog.HandlerOptions{Level: level})),
	})
	if err != nil {
		return errors.Join(err, l.Close())
	}
	stage := stage{ctx: ctx, engine: h.engine, url: url, database: database, credentials: f.credentials}
	if err := stage.set(f.approvals == "on"); err != nil {
		return errors.Join(err, l.Close(), h.db.Close())
	}
	welcome(p.out, &stage)
	return h.run(ctx, l)
}

// welcome says what there is and what to try next.
func welcome(w io.Writer, s *stage) {
	fmt.Fprintf(w, "Countersign demo, listening on %s\n\n", s.url)
	fmt.Fprintf(w, "  %s: ada, grace and linus are admins, vera is a viewer and answers for the API users.\n", s.file.Organization.Name)
	fmt.Fprintf(w, "  Credentials: %s\n", s.credentials)
	fmt.Fprintf(w, "  API document: %s/directory/v1/openapi.yaml\n\n", s.url)
	if s.waiting == "" {
		fmt.Fprint(w, "Approvals are off: changes apply at once. Try, in another terminal:\n\n")
		fmt.Fprintf(w, "  export COUNTERSIGN_CREDENTIALS=%s\n", s.credentials)
		fmt.Fprint(w, "  countersign groups create --name Auditors\n  countersign users list\n")
	} else {
		fmt.Fprint(w, "One change waits for a second person. Try, in another terminal:\n\n")
		fmt.Fprintf(w, "  export COUNTERSIGN_CREDENTIALS=%s\n", s.credentials)
		fmt.Fprint(w, "  countersign changes list --needs-me --as grace\n")
		fmt.Fprintf(w, "  countersign changes approve %s --as grace\n", s.waiting)
		fmt.Fprint(w, "  countersign users permissions vera@northwind.example\n")
		fmt.Fprint(w, "  countersign audit entries --as ada\n")
	}
	fmt.Fprint(w, "\nReady; Ctrl-C ends it and deletes everything.\n")
}
