package main

import (
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/server"
)

// figuresOf names what the engine counts for whoever scrapes /metrics.
func figuresOf(f engine.Figures) []server.Figure {
	gauge := func(name, help string, value int64) server.Figure {
		return server.Figure{Name: "countersign_" + name, Help: help, Value: float64(value)}
	}
	total := func(name, help string, value int64) server.Figure {
		return server.Figure{Name: "countersign_" + name + "_total", Help: help, Total: true, Value: float64(value)}
	}
	return []server.Figure{
		gauge("roster_organizations", "Organizations held in memory.", int64(f.Organizations)),
		gauge("roster_position", "Log positions they reflect, summed.", f.Positions),
		gauge("roster_users", "Users in them.", int64(f.Users)),
		gauge("roster_groups", "Groups in them.", int64(f.Groups)),
		gauge("roster_memberships", "Memberships in them.", int64(f.Memberships)),
		gauge("roster_bytes", "Memory the rosters hold.", f.Bytes),
		gauge("roster_budget_bytes", "Memory the rosters may hold; 0 sets no limit.", f.Budget),
		gauge("roster_lag", "Log positions by which the roster furthest behind lags what the database has told of.", f.Lag),
		total("roster_loads", "Rosters loaded.", f.Loads),
		total("roster_load_failures", "Rosters that could not be loaded.", f.FailedLoads),
		total("roster_evictions", "Rosters let go of for want of memory.", f.Evictions),
		gauge("changes_open", "Change requests that wait.", int64(f.OpenChanges)),
		total("mutations", "Mutations that reached the database, refused ones included.", f.Mutations),
		total("transactions", "Transactions they took.", f.Transactions),
	}
}
