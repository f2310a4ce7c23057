// Package linear asks whether what many clients were told at once is something
// that one client at a time could have been told: linearizability, checked with
// porcupine. It has tests only.
//
// Sixteen clients work at the same few things while the store fails under them:
// statements fail, transactions have to run again, and commits happen whose
// answer gets lost. Everything they call and are told becomes a history, one for
// each thing, and a model says what a single client could have seen. On SQLite
// there is one engine, on PostgreSQL two nodes share a database.
//
//   - lifecycle: the requests about one group: submitted, approved, denied, voted
//     back, cancelled, replaced, read and listed, and the name the group has;
//   - register: one user in one group: added, removed, read;
//   - check: what somebody may do, where whoever names a revision is never
//     answered by an older one, and nobody is answered by what never was (docs/adr/0009);
//   - threshold: the votes of sixty-four people at once, of which exactly one applies
//     the request.
//
// What was answered "failed" must not have happened; it stays out of the history
// and must not be in the log. What was answered "not known" may happen at any
// time after the call; the log says whether it has. A history that no single
// client could have seen is drawn into a page for the browser, whose path the
// failing test prints together with the seed. A seed repeats what the clients and
// the faults choose, not how the machine interleaves them: run it with -count.
//
//	go test ./internal/linear -linear.seed 7 -count 20
//	make linear    # 200 histories of 2,000 operations each
package linear
