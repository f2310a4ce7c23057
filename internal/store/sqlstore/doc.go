// Package sqlstore keeps the directory in SQLite or PostgreSQL.
//
// It owns rows, transactions and engines: one SQL text for both, migrations,
// and the translation of driver errors into kinds. It owns no rule about who
// may do what; the contract it keeps is package store, and storetest holds it
// to that text on both engines.
//
// How a call passes through:
//
//	Open                  picks the engine by URL, migrates, prepares     sqlstore.go
//	Read, Write, Found    wait for their turn, begin, run fn, commit,
//	                      run again after a transient failure             transaction.go, queue.go
//	session               runs one statement, turns its error into a
//	                      kind, remembers that the transaction is spoilt  session.go, errors.go
//	link, column          run it by the driver of the engine, and take     link_sqlite.go, link_postgres.go,
//	                      columns to where they belong                    column.go
//	Watch                 hears of commits, where others can write         watch.go
//	one file per noun     its statements, its columns, its methods        user.go, group.go, ...
//	statements            the one list of all statements                  statements.go
//
// On PostgreSQL, the first statement of every Write updates the head row of the
// organization; on SQLite, a Write begins as the only one. That is its lock:
// whatever a write reads afterwards stays true until it commits, at the isolation
// level either engine has by itself.
//
// Everything in which the engines differ stands in sqlite.go and postgres.go:
// drivers, settings, error codes, locking, and one fragment of SQL (see texts).
// Lists go into a statement as one JSON text, which both engines can unfold
// into rows; so a list is one parameter of one static statement, however long.
//
// A statement that fails spoils its transaction: PostgreSQL refuses all that
// follows, so SQLite is made to refuse it too, and a caller who went on
// regardless cannot commit. A Savepoint undoes the damage.
package sqlstore
