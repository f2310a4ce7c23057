//go:build race

package engine_test

// underRace says that the race detector is on, which makes SQLite many times
// slower: what is repeated for luck is then repeated less.
const underRace = true
