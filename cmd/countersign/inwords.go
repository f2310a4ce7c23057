package main

import (
	"context"
	"errors"
	"regexp"

	"github.com/countersign/countersign/client"
)

// inWords puts names in place of the ids of users and groups in what the server
// refused, as far as the caller may see them: the server names nobody in an error.
func (s *session) inWords(ctx context.Context, err error) error {
	var answered *client.Error
	if s.api == nil || !errors.As(err, &answered) {
		return err
	}
	ids := regexp.MustCompile(`\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b`)
	var users []client.UserID
	var groups []client.GroupID
	for _, id := range ids.FindAllString(answered.Message, maxNamed) {
		users, groups = append(users, client.UserID(id)), append(groups, client.GroupID(id))
	}
	if len(users) == 0 {
		return err
	}
	s.learn(ctx, users, groups)
	answered.Message = ids.ReplaceAllStringFunc(answered.Message, func(id string) string { return label(s, id) })
	return err
}

// maxNamed bounds the ids of one message that are looked up.
const maxNamed = 10
