// Command bench measures the directory in ratios: each figure beside something
// simpler that runs in the same minutes on the same machine, in turns, medians
// of several rounds. Absolute times of a shared machine mean little; a ratio
// between neighbours can be trusted and repeated.
//
//	go run ./bench --help
//
// The organizations come from a seeded generator, so that everybody measures the
// same ones. Their rows are written straight into the database at the position
// of the log's head, with no entries of their own: a roster loads them as any
// others, but no audit could explain them. They are good for measuring only.
//
// Files: world.go, people.go (what the rows are), fill.go, load.go (how they get
// into a database), cache.go (where it is kept), house.go, picture.go (the
// directory at work), duel.go, stats.go (how two sides are compared),
// measure_*.go (what is measured), sqlside.go (plain SQL beside it), report.go,
// machine.go (what comes out).
package main
