package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"
)

// serveFlags are the flags of serve.
type serveFlags struct {
	listen, db, logKey, logFormat string
	trustedProxies, mounts        []string
	boxAudiences                  []string
	rosterMemory                  byteSize
	preload                       bool
	fordefi                       fordefiFlags
	b2core                        b2coreFlags
}

func newServeCommand(p *process) *cobra.Command {
	var f serveFlags
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the server",
		Long: `Run the server on one machine with SQLite, or on several with PostgreSQL.

On an empty database it prints a one-time setup link and the init command that
creates the first organization; there is no default password.`,
		Example: `  countersign serve --db /var/lib/countersign/countersign.db
  countersign serve --listen :8080 --db postgres://countersign@db/countersign`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return serve(cmd.Context(), p, f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.listen, "listen", "127.0.0.1:8080", "address to listen on; put TLS in front of anything but loopback")
	flags.StringVar(&f.db, "db", "countersign.db", "SQLite file, or postgres:// address")
	flags.StringVar(&f.logKey, "log-key", "", "file of the log signing key, the same on every node (default: <db>.log-key)")
	flags.StringVar(&f.logFormat, "log-format", "json", "json or text")
	flags.StringArrayVar(&f.mounts, "mount", nil, mountUsage)
	f.fordefi.register(cmd)
	f.b2core.register(cmd)
	flags.StringArrayVar(&f.boxAudiences, "box-audience", nil, "aud that assertions of Box clients may have besides Box's own URL, which their SDKs always sign; can be given several times")
	flags.Var(&f.rosterMemory, "roster-memory", "memory the directories of all organizations may take, such as 512MB or 4GiB; the least recently used make room (default: no limit)")
	flags.BoolVar(&f.preload, "preload", false, "load every organization before /readyz says ready, as far as --roster-memory reaches")
	flags.StringSliceVar(&f.trustedProxies, "trusted-proxy", nil, "addresses or prefixes whose X-Forwarded-For is believed")
	return cmd
}

func serve(ctx context.Context, p *process, f serveFlags) error {
	proxies, err := parseProxies(f.trustedProxies)
	if err != nil {
		return err
	}
	mounts, err := parseMounts(f.mounts)
	if err != nil {
		return err
	}
	if err := errors.Join(f.fordefi.check(), f.b2core.check()); err != nil {
		return err
	}
	logger, err := newLogger(p.err, f.logFormat)
	if err != nil {
		return err
	}
	if f.logKey == "" {
		if strings.Contains(f.db, "://") {
			f.logKey = "countersign.log-key"
		} else {
			f.logKey = f.db + ".log-key"
		}
	}
	l, url, err := listen(ctx, f.listen)
	if err != nil {
		return err
	}
	h, err := build(ctx, plan{
		db: f.db, logKey: f.logKey, trustedProxies: proxies, mounts: mounts, fordefi: f.fordefi, b2core: f.b2core, logger: logger,
		boxAudiences: f.boxAudiences,
		rosterMemory: int64(f.rosterMemory), preload: f.preload,
	})
	if err != nil {
		_ = l.Close() // the error that counts is the other one
		return err
	}
	announce(p.out, url, h.setupToken)
	return h.run(ctx, l)
}

// announce says where the server is and, on an empty database, how to begin.
func announce(w io.Writer, url, token string) {
	fmt.Fprintf(w, "Countersign is listening on %s\n", url)
	fmt.Fprintf(w, "API document: %s/directory/v1/openapi.yaml\n", url)
	if token != "" {
		fmt.Fprintf(w, `
The database is empty. Create the first organization, once, with the setup token below:

  countersign init --url %s --setup-token %s \
    --organization "Your organization" --admin-name "Your name" --admin-email you@example.org

Setup link: %s/directory/v1/setup (POST, Authorization: Bearer %s)

`, url, token, url, token)
	}
	fmt.Fprintln(w, "Ready; Ctrl-C stops it.")
}

func newLogger(w io.Writer, format string) (*slog.Logger, error) {
	switch format {
	case "json":
		return slog.New(slog.NewJSONHandler(w, nil)), nil
	case "text":
		return slog.New(slog.NewTextHandler(w, nil)), nil
	default:
		return nil, fmt.Errorf("--log-format %q must be json or text", format)
	}
}
