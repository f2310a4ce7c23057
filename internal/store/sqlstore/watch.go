package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/countersign/countersign"
)

const (
	// announceCommit tells all watchers, once the transaction is committed and
	// never before, that an organization has come to a position.
	announceCommit statement = `select pg_notify('countersign', $2::bigint::text || ' ' || $1::text)`
	listen         statement = `listen countersign`

	// heartbeat is how often a watcher asks whether its server is still there,
	// and heartbeatLimit how long the answer may take.
	heartbeat      = 500 * time.Millisecond
	heartbeatLimit = time.Second
	// firstReconnect is the wait before a second attempt to connect; each further
	// one is twice as long, up to lastReconnect.
	firstReconnect = 50 * time.Millisecond
	lastReconnect  = 2 * time.Second
)

// Watch calls fn for what is committed, by whomever, until ctx ends.
func (db *DB) Watch(ctx context.Context, fn func(org countersign.OrganizationID, position int64)) error {
	leave, err := db.enter()
	if err != nil {
		return err
	}
	defer leave()
	own, cancel := context.WithCancel(ctx)
	defer cancel()
	watched := make(chan struct{})
	defer close(watched)
	go func() { // who closes the database does not wait for a watcher
		select {
		case <-db.ending:
			cancel()
		case <-watched:
		}
	}()
	db.engine.watch(own, fn)
	if err := ctx.Err(); err != nil {
		return err
	}
	return errClosed()
}

// watchNobody is the watch of SQLite: nobody else can write.
func watchNobody(ctx context.Context, _ func(countersign.OrganizationID, int64)) { <-ctx.Done() }

// watchPostgres listens on a connection of its own, and on another one when that
// breaks. In between, everything may have been missed.
func watchPostgres(config *pgx.ConnConfig) func(context.Context, func(countersign.OrganizationID, int64)) {
	config = config.Copy()
	config.RuntimeParams["application_name"] += " watch"
	return func(ctx context.Context, fn func(countersign.OrganizationID, int64)) {
		lost, pause := false, firstReconnect
		for ctx.Err() == nil {
			// It always fails in the end; why is nothing a watcher could use.
			_ = listenOnce(ctx, config, func(org countersign.OrganizationID, position int64) {
				lost, pause = false, firstReconnect
				fn(org, position)
			})
			if !lost && ctx.Err() == nil {
				lost = true
				fn("", -1)
			}
			select {
			case <-time.After(pause):
				pause = min(2*pause, lastReconnect)
			case <-ctx.Done():
			}
		}
	}
}

// listenOnce listens on one connection for as long as it lasts.
func listenOnce(ctx context.Context, config *pgx.ConnConfig, fn func(countersign.OrganizationID, int64)) error {
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	defer func() {
		// The server may not be there any more to say goodbye to.
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), heartbeatLimit)
		defer cancel()
		_ = conn.Close(closing)
	}()
	if err := answered(ctx, conn, listen); err != nil {
		return err
	}
	fn("", 0)
	for {
		if err := takeNotices(ctx, conn, fn); ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
		if err := answered(ctx, conn, "select 1"); err != nil {
			return err
		}
	}
}

// takeNotices passes on what comes until the next heartbeat is due, which is
// told by DeadlineExceeded.
func takeNotices(ctx context.Context, conn *pgx.Conn, fn func(countersign.OrganizationID, int64)) error {
	ctx, cancel := context.WithTimeout(ctx, heartbeat)
	defer cancel()
	for {
		notice, err := conn.WaitForNotification(ctx)
		if err != nil {
			return err
		}
		org, position, err := parseNotice(notice.Payload)
		if err != nil {
			return err
		}
		fn(org, position)
	}
}

// answered runs a statement that takes no time.
func answered(ctx context.Context, conn *pgx.Conn, q statement) error {
	ctx, cancel := context.WithTimeout(ctx, heartbeatLimit)
	defer cancel()
	_, err := conn.Exec(ctx, string(q))
	return err
}

// parseNotice reads what announceCommit sent.
func parseNotice(payload string) (countersign.OrganizationID, int64, error) {
	number, org, found := strings.Cut(payload, " ")
	position, err := strconv.ParseInt(number, 10, 64)
	if err != nil || !found {
		return "", 0, fmt.Errorf("a notice that is none of ours: %q", payload)
	}
	return countersign.OrganizationID(org), position, nil
}
