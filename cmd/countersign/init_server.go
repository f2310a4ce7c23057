package main

import (
	"context"
	"errors"
)

func initServer(context.Context, initFlags) (founded, error) {
	return founded{}, errors.New("not written yet")
}
