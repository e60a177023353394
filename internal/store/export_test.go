package store

const ReadInvitationsOf = readInvitationsOf

var InvitationKeys = invitationKeys

// HotStatements are all hot statements by the names of their variables. A test asks that none is missing.
func HotStatements() map[string]*Hot {
	return map[string]*Hot{
		"selectIdentity": selectIdentity, "selectContact": selectContact, "selectMeter": selectMeter, "selectAnswer": selectAnswer,
		"selectVerification": selectVerification, "selectOpen": selectOpen, "selectDeliveries": selectDeliveries,
		"ensureContact": ensureContact, "ensureMeter": ensureMeter, "ensureAnswer": ensureAnswer, "dropAnswer": dropAnswer,
		"insertVerification": insertVerification, "updateVerification": updateVerification, "putContact": putContact,
		"putOpen": putOpen, "dropOpen": dropOpen, "putDelivery": putDelivery, "insertDelivery": insertDelivery, "putReference": putReference,
		"insertJob": insertJob, "deleteJob": deleteJob, "insertEvent": insertEvent, "insertPending": insertPending,
		"putMeter": putMeter, "putAnswer": putAnswer, "putToken": putToken,
	}
}
