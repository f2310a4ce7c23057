// Command countersign is the directory and everything one does with it.
//
// main hands the process (arguments, environment, terminal) to run, which tests
// call too. serve, demo and init put the house together; every other command
// speaks the native API through the client package and links nothing else of
// ours but the form of what is signed (internal/canon, internal/statement), so the command line is that API's first user and its daily test.
//
// There is one file per noun. A noun's file says which verbs there are, what
// they send, and which columns its objects have; how a column is aligned,
// escaped and neutralised, how an outcome is told and an error explained, stands
// once, in the files named after that: print.go, visible.go, outcome.go,
// failure.go. Names that people type are turned into ids in resolve.go.
//
// What a program reads goes to standard output, what a person should know
// besides (warnings, progress, questions, errors) to standard error.
package main
