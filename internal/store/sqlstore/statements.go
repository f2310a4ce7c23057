package sqlstore

import "strings"

// statement is the text of one SQL statement. Every one is static, stands in
// the list below, and runs unchanged on both engines.
type statement string

// statements lists every statement but those of texts. On SQLite they are
// prepared at start; a test prepares them on PostgreSQL, and another finds the
// constant that is missing here.
func statements() []statement {
	return []statement{
		setSavepoint, releaseSavepoint, undoSavepoint,
		readHead, takeHead, moveHead,
		insertOrganization, insertHead, organizationOf, updateOrganization,
		allotUserNumbers, allotGroupNumbers, allotMembershipNumbers,
		cataloguePermission, catalogueSince, putCataloguePermission,
		organizations, secretPlace, userPlaces, clientPlace,
		userByID, userByNumber, livingUserByEmail, livingUserByExternalID, usersSince, livingUsers, deletedUsers, putUser,
		groupByID, groupByNumber, livingGroupByName, groupsSince, livingGroups, deletedGroups, putGroup, touchMembers,
		membershipByID, livingMembership, removedMembership,
		membershipsOfUser, membershipsOfGroup, membershipsSince, livingMemberships, removedMemberships, putMembership,
		removeMembershipsOfUser, removeMembershipsOfGroup,
		credentialByID, credentialsOfUser, credentialsSince, putCredential,
		changeByID, openChanges, changesSince, countOpen, countChanges, lateChanges, earlierChanges, expiredChanges, putChange, forgetBase,
		changesBefore, changesInStateBefore, changesVotedWith,
		approvalsOfChange, approvalsOfOpen, approvalsSince, addApproval,
		entryAt, entriesFrom, entriesOf, insertEntry, insertFact, insertHash, insertOutbox, blobOf, putBlob,
		remembered, remember, forget,
		importedBatch, importedBatches, putImportedBatch,
		emergencyByID, emergenciesBefore, unratifiedBefore, countEmergencies, emergenciesOfPerson, putEmergency,
		ticketByHash, addTicket, useTicket, extendTicket, endTicket, purgeTickets,
	}
}

// texts are the statements that take a list, as one parameter: the JSON text of
// an array of rows, see row. How an engine unfolds it is the one fragment in
// which their SQL differs.
type texts struct {
	insertBase                                  statement
	hashesAt, relyingOn, changesIn, approvalsIn statement
	touchManyMembers                            statement
	importTexts
	// puts are the statements that write many rows, see putAll.
	puts map[statement][]put
}

func newTexts(e *engine) texts {
	with := func(q string) statement {
		return statement(strings.ReplaceAll(q, "{rows}", e.rows))
	}
	t := texts{
		insertBase:  with(insertBase),
		hashesAt:    with(hashesAt),
		relyingOn:   with(relyingOn),
		changesIn:   with(changesIn),
		approvalsIn: with(approvalsIn),

		touchManyMembers: with(touchManyMembers),

		importTexts: importTexts{
			usersByEmail: with(usersByEmail), usersByExternalID: with(usersByExternalID), usersByID: with(usersByID),
			groupsByName: with(groupsByName), livingPairs: with(livingPairs), removedPairs: with(removedPairs),
		},

		puts: map[statement][]put{},
	}
	for _, one := range []statement{putUser, putGroup, putMembership, insertFact, insertHash} {
		t.puts[one] = puts(one, e.sizes)
	}
	return t
}

func (t texts) all() []statement {
	all := append(statements(),
		t.insertBase, t.hashesAt, t.relyingOn, t.changesIn, t.approvalsIn, t.touchManyMembers,
		t.usersByEmail, t.usersByExternalID, t.usersByID, t.groupsByName, t.livingPairs, t.removedPairs)
	for _, sizes := range t.puts {
		for _, p := range sizes {
			if p.rows > 1 { // the others stand in statements
				all = append(all, p.text)
			}
		}
	}
	return all
}
