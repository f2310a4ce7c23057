package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"github.com/google/uuid"
	_ "modernc.org/sqlite" // the bare commit beside ours uses the same driver

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/authn"
	"github.com/countersign/countersign/internal/dialect/native"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/names"
	"github.com/countersign/countersign/internal/server"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/store/sqlstore"
	"github.com/countersign/countersign/internal/wire"
)

const (
	groupsPerUser = 20
	seed          = 20260301
	// usersPerGroup on average; 100,000 users have 20,000 groups of 100.
	usersPerGroup = 100
	clients       = 4
)

// bench is the running house and what is measured beside it.
type bench struct {
	db     *sqlstore.DB
	engine *engine.Engine
	admin  countersign.Actor
	token  string
	ours   net.Listener
	bare   net.Listener
	plain  *sql.DB
	users  []countersign.UserID
	made   int
	// loading is how long the roster took to load.
	loading time.Duration
}

func open(ctx context.Context, dir string, users int) (*bench, error) {
	db, err := sqlstore.Open(ctx, filepath.Join(dir, "countersign.db"), sqlstore.Options{})
	if err != nil {
		return nil, err
	}
	b := &bench{db: db}
	keeper, err := audit.OpenKeeper(filepath.Join(dir, "key"))
	if err != nil {
		return nil, err
	}
	b.engine = engine.New(engine.Config{
		Store: db, Now: time.Now, NewID: func() string { return uuid.Must(uuid.NewV7()).String() }, Random: rand.Reader, Keeper: keeper, Build: "bench",
	})
	founded, err := b.engine.Found(ctx, engine.Founding{Organization: "Bench", AdminName: "Ada", AdminEmail: "ada@bench.example"})
	if err != nil {
		return nil, err
	}
	b.token = founded.Token.Reveal()
	b.admin = countersign.Actor{
		Organization: founded.Organization.ID, User: founded.Admin.ID, Type: countersign.Person,
		ResponsiblePerson: founded.Admin.ID, Credential: founded.Token.Credential, Method: countersign.ByToken,
	}
	if err := b.fill(ctx, users); err != nil {
		return nil, err
	}
	if err := b.openPlain(ctx, dir); err != nil {
		return nil, err
	}
	// The roster is loaded before anything is measured: how long that takes is a
	// figure of its own.
	start := time.Now()
	if _, err := b.engine.Picture(ctx, b.admin.Organization); err != nil {
		return nil, err
	}
	b.loading = time.Since(start)
	return b, b.listen(ctx)
}

func (b *bench) close() {
	_ = errors.Join(b.ours.Close(), b.bare.Close(), b.plain.Close(), b.db.Close()) // the figures are out
}

// seeded makes the same ids on every machine.
func seeded(kind byte, n int) string {
	var raw uuid.UUID
	raw[0], raw[6], raw[8] = kind, 0x70, 0x80
	binary.BigEndian.PutUint32(raw[12:], uint32(n))
	return raw.String()
}

// fill writes the organization's rows straight into the store, at the position
// of one entry: making two million memberships one by one is another benchmark.
func (b *bench) fill(ctx context.Context, users int) error {
	r := mathrand.New(mathrand.NewPCG(seed, seed))
	groups := max(groupsPerUser, users*groupsPerUser/usersPerGroup)
	at := time.Now().UTC().Truncate(time.Microsecond)
	membership := 0
	write := func(from, to int, fn func(tx store.WriteTx, i int) error) error {
		const chunk = 5000
		for start := from; start < to; start += chunk {
			err := b.db.Write(ctx, b.admin.Organization, func(tx store.WriteTx) error {
				for i := start; i < min(start+chunk, to); i++ {
					if err := fn(tx, i); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	}
	// The numbers below are taken, as the sequences must know.
	err := b.db.Write(ctx, b.admin.Organization, func(tx store.WriteTx) error {
		_, err := tx.Allot(ctx, store.GroupNumbers, int64(groups+1))
		return err
	})
	if err != nil {
		return err
	}
	err = write(0, groups, func(tx store.WriteTx, i int) error {
		name := fmt.Sprint("group ", i)
		return tx.PutGroup(ctx, countersign.Group{
			ID: countersign.GroupID(seeded('g', i)), Number: int64(i + 1), Name: name, State: countersign.GroupActive,
			Permissions: []countersign.Permission{permission(i)}, Invitability: countersign.AdminsOnly,
			MemberViewability: countersign.AdminsOnly, CreatedAt: at, ModifiedAt: at, Version: 1,
		}, names.Fold(name))
	})
	if err != nil {
		return err
	}
	return write(0, users, func(tx store.WriteTx, i int) error {
		id := countersign.UserID(seeded('u', i))
		b.users = append(b.users[:i], id)
		email := fmt.Sprintf("user%d@bench.example", i)
		err := tx.PutUser(ctx, countersign.User{
			ID: id, Number: int64(i + 2), Type: countersign.Person, Role: countersign.RoleNone, State: countersign.UserActive,
			Name: fmt.Sprint("User ", i), Email: email, CreatedAt: at, ModifiedAt: at, Version: 1,
		}, email)
		for n := 0; n < groupsPerUser && err == nil; n++ {
			membership++
			group := (r.IntN(groups/groupsPerUser)*groupsPerUser + n) % groups // one of each residue: never twice
			err = tx.PutMembership(ctx, countersign.Membership{
				ID: countersign.MembershipID(seeded('m', membership)), Number: int64(membership), UserID: id,
				GroupID: countersign.GroupID(seeded('g', group)), Role: countersign.GroupMember,
				State: countersign.MembershipActive, CreatedAt: at, ModifiedAt: at, Version: 1,
			})
		}
		return err
	})
}

// permission spreads 40 permissions over the groups; a user in 20 groups, one of
// each residue, holds the first 20, so that asking for a random one of the 40 is
// denied half of the time.
func permission(i int) countersign.Permission {
	return countersign.Permission(fmt.Sprintf("area%d.use", i%groupsPerUser))
}

func asked(r *mathrand.Rand) countersign.Permission {
	return countersign.Permission(fmt.Sprintf("area%d.use", r.IntN(2*groupsPerUser)))
}

// openPlain opens a database with the same settings for the bare commit.
func (b *bench) openPlain(ctx context.Context, dir string) error {
	plain, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "plain.db")+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_txlock=immediate")
	if err != nil {
		return err
	}
	plain.SetMaxOpenConns(1)
	b.plain = plain
	_, err = plain.ExecContext(ctx, "create table t (id integer primary key, body text not null) strict")
	return err
}

// listen serves the house as it is in production, log line and metrics on, and a
// bare handler that decodes and encodes the same bytes.
func (b *bench) listen(ctx context.Context) error {
	house := server.New(server.Config{
		Dialects: []server.Dialect{{Name: "directory", Paths: native.Paths(), API: native.New(native.Config{
			Engine: b.engine, Authenticator: authn.New(b.engine, time.Now),
		})}},
		Logger: logger(), Now: time.Now, Build: "bench",
	})
	var err error
	if b.ours, err = serve(ctx, house); err != nil {
		return err
	}
	b.bare, err = serve(ctx, http.HandlerFunc(bareCheck))
	return err
}

// logger makes every line as in production, and throws it away.
func logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(io.Discard, nil)) //nolint:sloglint // a discarding handler would not make the line
}

func serve(ctx context.Context, h http.Handler) (net.Listener, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := wire.NewServer(h, slog.New(slog.DiscardHandler))
	go func() { _ = s.Serve(l) }() // ends when the listener is closed
	return l, nil
}
