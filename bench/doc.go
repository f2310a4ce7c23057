// Command bench measures the directory in ratios: each figure beside something
// simpler that runs in the same minutes on the same machine, in turns, medians
// of several rounds. Absolute times of a shared machine mean little; a ratio
// between neighbours can be trusted and repeated.
//
//	go run ./bench [-users 100000] [-rounds 7] [-seconds 2]
//
// The organization is made by a seeded generator, so that everybody measures
// the same one.
package main
