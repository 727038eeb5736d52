//! The PostgreSQL database, when one is asked for: in subnets without a way in from outside, encrypted, its password kept and changed by
//! Secrets Manager, a snapshot left behind when it goes.

use serde_json::{Value as Json, json};

use super::network::{self, Place};
use super::template::{Resource, attribute, reference, substituted};
use super::{Draft, Postgres};
use crate::config::Stage;

/// The version of a new database; RDS raises the minor one by itself.
const VERSION: &str = "17.9";

/// The user that owns the database.
const USER: &str = "seatrial";

/// Storage in GiB: the least for which RDS gives gp3's full rate, and where it may grow to by itself.
const STORAGE: i32 = 20;
const STORAGE_MAX: i32 = 100;

/// What others need of the database.
pub(super) struct Database {
    /// The ARN of the secret with user and password.
    pub secret: Json,
}

/// Adds the database.
pub(super) fn add(draft: &mut Draft<'_>, place: &Place) -> Option<Database> {
    match draft.choices.postgres {
        Postgres::Without => return None,
        Postgres::With => {}
    }
    parameters(draft);
    let group = network::database_group(draft, place);
    let tags = draft.tags(None);
    let name = format!("{} in environment {}", draft.plan.app, draft.plan.environment.name);
    let subnets = json!({
        "DBSubnetGroupDescription": format!("The database of {name}"), "SubnetIds": place.database_subnets, "Tags": tags,
    });
    let subnets = draft.template.resource("DatabaseSubnets", Resource::new("AWS::RDS::DBSubnetGroup", subnets));
    let properties = json!({
        "Engine": "postgres",
        "EngineVersion": reference("DatabaseVersion"),
        "DBInstanceClass": reference("DatabaseClass"),
        // Never a word that PostgreSQL keeps for itself, such as `order`.
        "DBName": format!("{}_db", draft.plan.app.as_str().replace('-', "_")),
        "AllocatedStorage": STORAGE.to_string(),
        "MaxAllocatedStorage": STORAGE_MAX,
        "StorageType": "gp3",
        "StorageEncrypted": true,
        "MasterUsername": USER,
        "ManageMasterUserPassword": true,
        "DBSubnetGroupName": reference(&subnets),
        "VPCSecurityGroups": [group],
        "PubliclyAccessible": false,
        "MultiAZ": reference("DatabaseInTwoZones"),
        "BackupRetentionPeriod": reference("DatabaseBackupDays"),
        "CopyTagsToSnapshot": true,
        "DeletionProtection": draft.deletion_protection(),
        "AutoMinorVersionUpgrade": true,
        "EnableCloudwatchLogsExports": ["postgresql", "upgrade"],
        "Tags": tags,
    });
    let id = draft.template.resource("Database", Resource::new("AWS::RDS::DBInstance", properties).snapshotted());
    let secret = attribute(&id, "MasterUserSecret.SecretArn");
    let outputs = [
        ("DatabaseHost", "The host of the database", attribute(&id, "Endpoint.Address")),
        ("DatabasePort", "The port of the database", attribute(&id, "Endpoint.Port")),
        ("DatabaseSecretArn", "The secret with the database's username and password", secret.clone()),
        (
            "DatabasePasswordFrom",
            "The valueFrom of a container's secret that holds the password",
            substituted("${Database.MasterUserSecret.SecretArn}:password::"),
        ),
    ];
    outputs.into_iter().for_each(|(id, what, value)| draft.template.output(id, what, value));
    Some(Database { secret })
}

fn parameters(draft: &mut Draft<'_>) {
    let (class, in_two_zones, backup_days) = match draft.plan.environment.stage {
        Stage::Prod => ("db.t4g.medium", "true", 7),
        Stage::Dev | Stage::Custom => ("db.t4g.micro", "false", 1),
    };
    let parameters = [
        (
            "DatabaseVersion",
            json!({ "Type": "String", "Default": VERSION, "Description": "The version of PostgreSQL" }),
        ),
        (
            "DatabaseClass",
            json!({ "Type": "String", "Default": class, "Description": "The size of the database's machine" }),
        ),
        (
            "DatabaseInTwoZones",
            json!({
                "Type": "String", "AllowedValues": ["true", "false"], "Default": in_two_zones,
                "Description": "Whether a second machine stands by in another zone",
            }),
        ),
        (
            "DatabaseBackupDays",
            json!({
                "Type": "Number", "MinValue": 1, "MaxValue": 35, "Default": backup_days,
                "Description": "How many days the database can be taken back",
            }),
        ),
    ];
    parameters.into_iter().for_each(|(id, properties)| draft.template.parameter(id, properties));
}
