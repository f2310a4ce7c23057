package main

import (
	"context"
	"errors"

	"github.com/countersign/countersign/client"
)

// initServer founds the organization through a running server.
func initServer(ctx context.Context, f initFlags) (founded, error) {
	answer, err := client.New(f.url, f.setupToken).SetUp(ctx, client.SetupRequest{
		Organization: f.organization, AdminName: f.adminName, AdminEmail: f.adminEmail,
	})
	if err != nil {
		return founded{}, err
	}
	if len(answer.Secrets) != 1 {
		return founded{}, errors.New("the server founded the organization but answered no token; it cannot be shown again")
	}
	return founded{
		organization: answer.Organization.Name, organizationID: answer.Organization.ID, number: answer.Organization.Number,
		adminID: string(answer.Admin.ID), adminEmail: f.adminEmail, role: string(answer.Admin.Role), token: answer.Secrets[0].Value.Reveal(),
	}, nil
}
