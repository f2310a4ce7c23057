package native

import (
	"net/http"
	"slices"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/wire"
)

func (d *Dialect) listPermissions(c *call) error {
	if err := c.noQuery(); err != nil {
		return err
	}
	rows, revision, err := d.Engine.Permissions(c.ctx, c.actor)
	if err != nil {
		return err
	}
	return c.answer(revision, whole(rows, catalogueToWire))
}

// catalogueEntry finds one entry; the catalogue is small.
func (d *Dialect) catalogueEntry(c *call, name countersign.Permission) (countersign.CataloguePermission, error) {
	rows, _, err := d.Engine.Permissions(c.ctx, c.actor)
	if err != nil {
		return countersign.CataloguePermission{}, err
	}
	i := slices.IndexFunc(rows, func(p countersign.CataloguePermission) bool { return p.Permission == name })
	if i < 0 {
		return countersign.CataloguePermission{}, countersign.E(countersign.NotFound, "permission", "There is no such permission in the catalogue.")
	}
	return rows[i], nil
}

type newCatalogueEntry struct {
	Permission  countersign.Permission `json:"permission"`
	Description string                 `json:"description"`
}

func (d *Dialect) addPermission(c *call) error {
	o, err := c.options(cannotRely)
	if err != nil {
		return err
	}
	var b newCatalogueEntry
	if err := wire.Decode(c.r, 0, &b); err != nil {
		return err
	}
	return d.mutate(c, mutation{
		route: "addPermission", status: http.StatusCreated, object: at("permissions", b.Permission),
		do: d.submit(&countersign.AddPermission{Permission: b.Permission, Description: b.Description}),
	}, o)
}

type cataloguePatch struct {
	Description *string `json:"description"`
}

func (d *Dialect) updatePermission(c *call) error {
	var b cataloguePatch
	return d.changePermission(c, "updatePermission", http.StatusOK, &b, func(p countersign.Permission) (countersign.Change, error) {
		if b.Description == nil {
			return nil, countersign.E(countersign.Invalid, "description", "is required; an empty text clears it")
		}
		return &countersign.UpdatePermission{Permission: p, Description: *b.Description}, nil
	})
}

func (d *Dialect) removePermission(c *call) error {
	return d.changePermission(c, "removePermission", http.StatusNoContent, nil, func(p countersign.Permission) (countersign.Change, error) {
		return &countersign.RemovePermission{Permission: p}, nil
	})
}

func (d *Dialect) changePermission(c *call, route string, status int, body any, change func(countersign.Permission) (countersign.Change, error)) error {
	name, err := countersign.ParsePermission("permission", c.r.PathValue("permission"))
	if err != nil {
		return err
	}
	o, err := c.options(mayRely)
	if err != nil {
		return err
	}
	if err := decodeOrNone(c.r, body); err != nil {
		return err
	}
	op, err := change(name)
	if err != nil {
		return err
	}
	return d.mutate(c, mutation{route: route, status: status, object: at("permissions", name), do: d.submit(op)}, o)
}
