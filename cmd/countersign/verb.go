package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/countersign/countersign/client"
)

// noun makes a command that only holds others.
func noun(use, short, long, example string) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Long: strings.TrimSpace(long), Example: example,
		Args: cobra.ArbitraryArgs, SuggestionsMinimumDistance: 2,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				cmd.SetOut(cmd.ErrOrStderr())
				_ = cmd.Help() // writing help to standard error is all that is left to do
				return saidError{&usageError{message: "a command is missing"}}
			}
			message := fmt.Sprintf("%s has no command %s", cmd.CommandPath(), strconv.Quote(args[0]))
			if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
				message += "; did you mean " + strings.Join(near, " or ") + "?"
			}
			return &usageError{command: cmd.CommandPath(), message: message}
		},
	}
}

// verb is one command that does something.
type verb struct {
	use, short, long, example string
	// min and max bound the arguments; a max below min means no bound.
	min, max int
	// required flags.
	required []string
	run      func(ctx context.Context, args []string) error
}

// add makes a verb a command below a noun.
func (s *session) add(parent *cobra.Command, v verb) *cobra.Command {
	cmd := s.command(v)
	parent.AddCommand(cmd)
	return cmd
}

// command makes a verb a command.
func (s *session) command(v verb) *cobra.Command {
	cmd := &cobra.Command{
		Use: v.use, Short: v.short, Long: strings.TrimSpace(v.short + ".\n\n" + strings.TrimSpace(v.long)), Example: v.example,
		Args: cobra.ArbitraryArgs,
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		err := v.check(cmd, args)
		if err == nil {
			err = s.connect(cmd.Flags())
		}
		if err == nil {
			err = s.inWords(cmd.Context(), v.run(cmd.Context(), args))
		}
		if wrong, ok := err.(*usageError); ok && wrong.command == "" { //nolint:errorlint // only ours, not wrapped
			wrong.command = cmd.CommandPath()
		}
		return err
	}
	return cmd
}

func (v verb) check(cmd *cobra.Command, args []string) error {
	_, shape, _ := strings.Cut(v.use, " ")
	switch {
	case len(args) < v.min:
		return usage("%s needs %s", cmd.CommandPath(), shape)
	case v.max >= v.min && len(args) > v.max && shape == "":
		return usage("%s takes no argument such as %s", cmd.CommandPath(), strconv.Quote(args[v.max]))
	case v.max >= v.min && len(args) > v.max:
		return usage("%s takes %s; %s is too much (quote names that hold blanks)", cmd.CommandPath(), shape, strconv.Quote(args[v.max]))
	}
	for _, name := range v.required {
		if !cmd.Flags().Changed(name) {
			return usage("%s needs --%s", cmd.CommandPath(), name)
		}
	}
	return nil
}

// choice is a flag with a closed list of words.
type choice struct {
	allowed []string
	value   string
}

func (c *choice) add(cmd *cobra.Command, flags *pflag.FlagSet, name, short, what string) {
	flags.VarP(c, name, short, what+": "+strings.Join(c.allowed, ", "))
	complete(cmd, name, c.allowed)
}

// String is the present value.
func (c *choice) String() string { return c.value }

// Set takes one of the words.
func (c *choice) Set(word string) error {
	if !slices.Contains(c.allowed, word) {
		return fmt.Errorf("must be one of %s", strings.Join(c.allowed, ", "))
	}
	c.value = word
	return nil
}

// Type is shown in the help.
func (*choice) Type() string { return "WORD" }

// choices is a flag with words out of a closed list, repeated or with commas.
type choices struct {
	allowed []string
	values  []string
}

// words adds a choices flag.
func words[T ~string](cmd *cobra.Command, name, what string, allowed ...T) *choices {
	c := &choices{}
	for _, a := range allowed {
		c.allowed = append(c.allowed, string(a))
	}
	cmd.Flags().Var(c, name, what+": "+strings.Join(c.allowed, ", "))
	complete(cmd, name, c.allowed)
	return c
}

// sorting adds --sort. A leading "-" turns the direction of a word.
func sorting(cmd *cobra.Command, fields ...string) *choices {
	c := &choices{allowed: fields}
	for _, field := range fields {
		c.allowed = append(c.allowed, "-"+field)
	}
	cmd.Flags().Var(c, "sort", "order, most significant first; a leading - turns it round: "+strings.Join(fields, ", "))
	complete(cmd, "sort", c.allowed)
	return c
}

// String is empty: there is no default to show.
func (c *choices) String() string { return strings.Join(c.values, ",") }

// Set adds words.
func (c *choices) Set(list string) error {
	for word := range strings.SplitSeq(list, ",") {
		if !slices.Contains(c.allowed, word) {
			return fmt.Errorf("%q must be one of %s", word, strings.Join(c.allowed, ", "))
		}
		c.values = append(c.values, word)
	}
	return nil
}

// Type is shown in the help.
func (*choices) Type() string { return "WORDS" }

func complete(cmd *cobra.Command, name string, words []string) {
	// It fails only for a flag that does not exist.
	_ = cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
}

func typed[T ~string](values []string) []T {
	var out []T
	for _, v := range values {
		out = append(out, T(v))
	}
	return out
}

// writing are the flags of every write.
type writing struct {
	reason, ifMatch, key string
	dryRun               bool
}

// writes adds the flags of a write. Only what has a version takes --if-match.
func writes(cmd *cobra.Command, versioned bool) *writing {
	w := &writing{}
	flags := cmd.Flags()
	flags.StringVar(&w.reason, "reason", "", "why, for approvers and the log")
	flags.BoolVar(&w.dryRun, "dry-run", false, "only say what would happen")
	flags.StringVar(&w.key, "idempotency-key", "", "`KEY` that makes the command repeatable (default: a new one)")
	if versioned {
		flags.StringVar(&w.ifMatch, "if-match", "", "do it only while the object is at this `VERSION`")
	}
	return w
}

func (w *writing) options(raw *[]byte) ([]client.WriteOption, error) {
	opts := []client.WriteOption{client.KeepBody(raw)}
	if w.reason != "" {
		opts = append(opts, client.Reason(w.reason))
	}
	if w.key != "" {
		opts = append(opts, client.IdempotencyKey(w.key))
	}
	if w.dryRun {
		opts = append(opts, client.DryRun())
	}
	if w.ifMatch != "" {
		version, err := strconv.ParseInt(strings.Trim(w.ifMatch, `"`), 10, 64)
		if err != nil || version < 0 {
			return nil, usage("--if-match %s must be the version of the object, a number", strconv.Quote(w.ifMatch))
		}
		opts = append(opts, client.IfMatch(version))
	}
	return opts, nil
}

// parseTime reads a time as people write it: RFC 3339, or a day, which begins in UTC.
func parseTime(flag, s string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, usage("--%s %s must be a day such as 2027-01-31 or a time such as 2027-01-31T09:30:00Z", flag, strconv.Quote(s))
}

// parseLifetime reads 90d, 12h, 30m or seconds.
func parseLifetime(flag, s string) (int64, error) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		if n, err := strconv.ParseInt(days, 10, 32); err == nil && n > 0 {
			return n * 24 * 60 * 60, nil
		}
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && n > 0 {
		return n, nil
	}
	if d, err := time.ParseDuration(s); err == nil && d >= time.Second {
		return int64(d / time.Second), nil
	}
	return 0, usage("--%s %s must be such as 90d, 12h or a number of seconds", flag, strconv.Quote(s))
}
