//! The read-only commands of the AWS CLI whose answers are laid beside what would be presented, ready to be pasted.

use std::path::Path;

use crate::private_file::shell_word;
use crate::session::SessionRequest;
use crate::x509::Certificate;

/// What they need, as in AWS's managed policies AWSRolesAnywhereReadOnly and IAMReadOnlyAccess.
pub(super) const PERMISSIONS: &str = "rolesanywhere:GetTrustAnchor, rolesanywhere:GetProfile, rolesanywhere:ListCrls, \
                                      rolesanywhere:ListSubjects, rolesanywhere:GetSubject and iam:GetRole";

/// The commands for one request.
pub(super) struct Commands<'a> {
    pub(super) folder: &'a Path,
    pub(super) request: &'a SessionRequest,
    pub(super) certificate: Option<&'a Certificate>,
}

impl Commands<'_> {
    pub(super) fn trust_anchor(&self) -> String {
        let id = self.request.trust_anchor_arn.arn().identifier();
        self.rolesanywhere(&format!("get-trust-anchor --trust-anchor-id {id}"), "get-trust-anchor")
    }

    pub(super) fn profile(&self) -> String {
        let id = self.request.profile_arn.arn().identifier();
        self.rolesanywhere(&format!("get-profile --profile-id {id}"), "get-profile")
    }

    pub(super) fn role(&self) -> String {
        format!(
            "aws iam get-role --role-name {} --output json > {}",
            shell_word(Path::new(self.request.role_arn.role_name())),
            self.file("get-role")
        )
    }

    pub(super) fn crls(&self) -> String {
        self.rolesanywhere("list-crls", "list-crls")
    }

    /// The subject's identifier is looked up by the serial number's owner: its subject name.
    pub(super) fn subject(&self) -> String {
        let region = &self.request.region;
        let name = self.certificate.map_or_else(String::new, |certificate| {
            let attributes = certificate.subject_attributes().iter();
            let mut common =
                attributes.filter(|(kind, _)| kind == "CN").filter_map(|(_, value)| value.clone());
            common.next_back().unwrap_or_else(|| certificate.subject_name().to_owned())
        });
        let plain: String =
            name.chars().filter(|letter| !"'\"\\`$!".contains(*letter) && !letter.is_control()).collect();
        if plain.is_empty() {
            return self.rolesanywhere("get-subject --subject-id SUBJECT-ID", "get-subject");
        }
        let query = format!("subjects[?contains(x509Subject,'{plain}')]|[0].subjectId");
        self.rolesanywhere(
            &format!(
                "get-subject --subject-id \"$(aws rolesanywhere list-subjects --region {region} --output text --query \
                 \"{query}\")\""
            ),
            "get-subject",
        )
    }

    fn rolesanywhere(&self, operation: &str, file: &str) -> String {
        let region = &self.request.region;
        format!("aws rolesanywhere {operation} --region {region} --output json > {}", self.file(file))
    }

    fn file(&self, name: &str) -> String {
        shell_word(&self.folder.join(format!("{name}.json")))
    }

    /// Returns all of them, in the order in which a call meets what they show.
    pub(super) fn all(&self) -> String {
        let [anchor, crls, profile, role, subject] =
            [self.trust_anchor(), self.crls(), self.profile(), self.role(), self.subject()];
        let folder = shell_word(self.folder);
        format!("mkdir -p {folder}; {anchor}; {crls}; {profile}; {role}; {subject}")
    }
}
