package operator

import "slices"

// Role is what an operator is within a tenant.
type Role string

// The roles, the strongest first. Each may do all that those after it may.
const (
	Owner  Role = "owner"
	Admin  Role = "admin"
	Agent  Role = "agent"
	Viewer Role = "viewer"
)

// Roles are all of them, the strongest first.
func Roles() []Role { return []Role{Owner, Admin, Agent, Viewer} }

// Valid reports whether r is one of the roles.
func (r Role) Valid() bool { return slices.Contains(Roles(), r) }

// secondFactor reports whether a role must have an authenticator before anything opens (RA-69).
func (r Role) secondFactor() bool { return r == Owner || r == Admin }

// Act is something that is done in the console.
type Act string

// The acts.
const (
	SeeVerifications    Act = "see_verifications"
	SendVerification    Act = "send_verification"
	HelpCustomer        Act = "help_customer"
	RevealContact       Act = "reveal_contact"
	SeeSettings         Act = "see_settings"
	ChangeChecks        Act = "change_checks"
	ChangeCustomisation Act = "change_customisation"
	ChangeServices      Act = "change_services"
	SeeKeys             Act = "see_keys"
	ChangeKeys          Act = "change_keys"
	SeeWebhooks         Act = "see_webhooks"
	ChangeWebhooks      Act = "change_webhooks"
	UseDeveloper        Act = "use_developer"
	SeeTeam             Act = "see_team"
	ChangeTeam          Act = "change_team"
	ChangeOwners        Act = "change_owners"
	SeeAudit            Act = "see_audit"
	ExportAudit         Act = "export_audit"
)

// rule is one row of the matrix of roles.
type rule struct {
	act   Act
	least Role   // the weakest role that may
	means string // for the documents
}

// matrix is who may do what, in the order of the documents. RA-17: only owners and admins change settings. ID-55: only admins, and
// those above them, change webhooks; nobody deletes a verification. RA-55: whoever sends helps too.
var matrix = []rule{
	{SeeVerifications, Viewer, "see verifications and their history, contacts masked"},
	{SendVerification, Agent, "send a new verification"},
	{HelpCustomer, Agent, "resend, correct a contact, unlock, cancel: each with a reason"},
	{RevealContact, Agent, "read a contact in full, which is audited"},
	{SeeSettings, Viewer, "see what is required of customers and what they see"},
	{ChangeChecks, Admin, "change what is required of customers"},
	{ChangeCustomisation, Admin, "change what customers see"},
	{ChangeServices, Admin, "make, change and remove services"},
	{SeeKeys, Admin, "see the names and scopes of API keys"},
	{ChangeKeys, Admin, "make and revoke API keys"},
	{SeeWebhooks, Admin, "see webhooks and their deliveries"},
	{ChangeWebhooks, Admin, "make, change, test and remove webhooks"},
	{UseDeveloper, Admin, "use the developer's corner"},
	{SeeTeam, Viewer, "see who is in the team"},
	{ChangeTeam, Admin, "invite, disable and reset people, change roles, end their sessions"},
	{ChangeOwners, Owner, "do that to owners, and make owners"},
	{SeeAudit, Admin, "read the audit log"},
	{ExportAudit, Admin, "export the audit log"},
}

// Acts are all acts, in the order of the documents.
func Acts() []Act {
	all := make([]Act, len(matrix))
	for i, r := range matrix {
		all[i] = r.act
	}
	return all
}

// Means says for people what an act is; "" for none.
func (a Act) Means() string {
	for _, r := range matrix {
		if r.act == a {
			return r.means
		}
	}
	return ""
}

// May reports whether a role may do something. What is no role, or no act, may not.
func (r Role) May(a Act) bool {
	own := slices.Index(Roles(), r)
	i := slices.IndexFunc(matrix, func(m rule) bool { return m.act == a })
	return own >= 0 && i >= 0 && own <= slices.Index(Roles(), matrix[i].least)
}
