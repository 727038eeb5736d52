//! Which resources hold something that cannot be made again, by the names of their types.
//!
//! The list is of what is known. What is not in it (a provider's own types, custom resources) can be named in the configuration (`protect`).

use std::collections::BTreeSet;

use super::change::{Fate, ResourceChange};

/// Types of Terraform's AWS provider, and of others that are common beside it.
const TERRAFORM: [&str; 85] = [
    "aws_acmpca_certificate_authority",
    "aws_athena_database",
    "aws_backup_vault",
    "aws_cloudformation_stack",
    "aws_cloudformation_stack_set_instance",
    "aws_cloudtrail_event_data_store",
    "aws_cloudwatch_log_group",
    "aws_cloudwatch_log_stream",
    "aws_codecommit_repository",
    "aws_cognito_user",
    "aws_cognito_user_pool",
    "aws_dax_cluster",
    "aws_db_cluster_snapshot",
    "aws_db_instance",
    "aws_db_snapshot",
    "aws_docdb_cluster",
    "aws_docdb_cluster_instance",
    "aws_docdbelastic_cluster",
    "aws_dsql_cluster",
    "aws_dynamodb_global_table",
    "aws_dynamodb_table",
    "aws_dynamodb_table_item",
    "aws_ebs_snapshot",
    "aws_ebs_volume",
    "aws_ecr_repository",
    "aws_ecrpublic_repository",
    "aws_efs_file_system",
    "aws_eip",
    "aws_elasticache_cluster",
    "aws_elasticache_replication_group",
    "aws_elasticache_serverless_cache",
    "aws_elasticsearch_domain",
    "aws_fsx_lustre_file_system",
    "aws_fsx_ontap_file_system",
    "aws_fsx_ontap_volume",
    "aws_fsx_openzfs_file_system",
    "aws_fsx_openzfs_volume",
    "aws_fsx_windows_file_system",
    "aws_glacier_vault",
    "aws_glue_catalog_database",
    "aws_glue_catalog_table",
    "aws_instance",
    "aws_keyspaces_keyspace",
    "aws_keyspaces_table",
    "aws_kinesis_stream",
    "aws_kms_external_key",
    "aws_kms_key",
    "aws_kms_replica_key",
    "aws_lightsail_database",
    "aws_memorydb_cluster",
    "aws_mq_broker",
    "aws_msk_cluster",
    "aws_msk_serverless_cluster",
    "aws_neptune_cluster",
    "aws_neptune_cluster_instance",
    "aws_neptunegraph_graph",
    "aws_opensearch_domain",
    "aws_opensearchserverless_collection",
    "aws_qldb_ledger",
    "aws_rds_cluster",
    "aws_rds_cluster_instance",
    "aws_rds_global_cluster",
    "aws_redshift_cluster",
    "aws_redshiftserverless_namespace",
    "aws_route53_zone",
    "aws_s3_bucket",
    "aws_s3_bucket_object",
    "aws_s3_directory_bucket",
    "aws_s3_object",
    "aws_s3tables_table",
    "aws_s3tables_table_bucket",
    "aws_secretsmanager_secret",
    "aws_sqs_queue",
    "aws_ssm_parameter",
    "aws_timestreaminfluxdb_db_instance",
    "aws_timestreamwrite_database",
    "aws_timestreamwrite_table",
    "aws_transfer_server",
    "aws_transfer_user",
    "aws_workspaces_workspace",
    "random_bytes",
    "random_id",
    "random_password",
    "random_string",
    "tls_private_key",
];

/// Types of CloudFormation.
const CLOUDFORMATION: [&str; 66] = [
    "AWS::ACMPCA::CertificateAuthority",
    "AWS::AmazonMQ::Broker",
    "AWS::Backup::BackupVault",
    "AWS::Cassandra::Keyspace",
    "AWS::Cassandra::Table",
    "AWS::CloudFormation::Stack",
    "AWS::CloudTrail::EventDataStore",
    "AWS::CodeCommit::Repository",
    "AWS::Cognito::UserPool",
    "AWS::DAX::Cluster",
    "AWS::DocDB::DBCluster",
    "AWS::DocDB::DBInstance",
    "AWS::DocDBElastic::Cluster",
    "AWS::DynamoDB::GlobalTable",
    "AWS::DynamoDB::Table",
    "AWS::EC2::EIP",
    "AWS::EC2::Instance",
    "AWS::EC2::Volume",
    "AWS::ECR::PublicRepository",
    "AWS::ECR::Repository",
    "AWS::EFS::FileSystem",
    "AWS::ElastiCache::CacheCluster",
    "AWS::ElastiCache::ReplicationGroup",
    "AWS::ElastiCache::ServerlessCache",
    "AWS::Elasticsearch::Domain",
    "AWS::FSx::FileSystem",
    "AWS::FSx::Volume",
    "AWS::Glue::Database",
    "AWS::Glue::Table",
    "AWS::Kinesis::Stream",
    "AWS::KMS::Key",
    "AWS::KMS::ReplicaKey",
    "AWS::Logs::LogGroup",
    "AWS::Logs::LogStream",
    "AWS::MemoryDB::Cluster",
    "AWS::MSK::Cluster",
    "AWS::MSK::ServerlessCluster",
    "AWS::Neptune::DBCluster",
    "AWS::Neptune::DBInstance",
    "AWS::NeptuneGraph::Graph",
    "AWS::OpenSearchServerless::Collection",
    "AWS::OpenSearchService::Domain",
    "AWS::QLDB::Ledger",
    "AWS::RDS::DBCluster",
    "AWS::RDS::DBInstance",
    "AWS::RDS::GlobalCluster",
    "AWS::Redshift::Cluster",
    "AWS::RedshiftServerless::Namespace",
    "AWS::Route53::HostedZone",
    "AWS::S3::Bucket",
    "AWS::S3Express::DirectoryBucket",
    "AWS::S3Tables::Table",
    "AWS::S3Tables::TableBucket",
    "AWS::SDB::Domain",
    "AWS::SecretsManager::Secret",
    "AWS::SQS::Queue",
    "AWS::SSM::Parameter",
    "AWS::Timestream::Database",
    "AWS::Timestream::InfluxDBInstance",
    "AWS::Timestream::Table",
    "AWS::Transfer::Server",
    "AWS::Transfer::User",
    "AWS::WorkSpaces::Workspace",
    "AWS::CloudFormation::CustomResource",
    "AWS::DSQL::Cluster",
    "AWS::Lightsail::Database",
];

/// CloudFormation's types of somebody's own making: nobody else knows what they hold.
const CUSTOM: &str = "Custom::";

/// The addresses of what would be lost although it holds data, or somebody has named it.
pub(super) fn guarded(changes: &[ResourceChange], protect: &BTreeSet<String>) -> Vec<String> {
    let is_guarded = |change: &&ResourceChange| {
        change.fate == Fate::Lost && (is_stateful(&change.kind) || protect.iter().any(|named| is_named(change, named)))
    };
    changes.iter().filter(is_guarded).map(|change| change.address.clone()).collect()
}

fn is_stateful(kind: &str) -> bool {
    TERRAFORM.contains(&kind) || CLOUDFORMATION.contains(&kind) || kind.starts_with(CUSTOM)
}

/// Whether a name means a resource: its address, the address of all of its instances, its module, its logical id, or its type.
fn is_named(change: &ResourceChange, named: &str) -> bool {
    let address = change.address.as_str();
    let without_index = address.strip_suffix(']').and_then(|rest| rest.rsplit_once('[')).map(|(name, _)| name);
    let logical_id = address.rsplit_once('/').map(|(_, id)| id).filter(|_| change.kind.contains("::"));
    let is_within =
        named.starts_with("module.") && address.strip_prefix(named).is_some_and(|rest| rest.starts_with(['.', '[']));
    is_within || change.kind == named || address == named || without_index == Some(named) || logical_id == Some(named)
}

#[cfg(test)]
mod tests {
    use super::super::change::Action;
    use super::*;

    fn change(address: &str, kind: &str, fate: Fate) -> ResourceChange {
        ResourceChange { address: address.into(), kind: kind.into(), action: Action::Replace, fate }
    }

    #[test]
    fn what_holds_data_is_guarded_unless_it_stays() {
        let changes = [
            change("aws_db_instance.main", "aws_db_instance", Fate::Lost),
            change("aws_db_instance.kept", "aws_db_instance", Fate::Stays),
            change("aws_lb.web", "aws_lb", Fate::Lost),
            change("Shop/Table", "AWS::DynamoDB::Table", Fate::Lost),
            change("Shop/Maker", "Custom::Maker", Fate::Lost),
            change("Shop/Rule", "AWS::Events::Rule", Fate::Lost),
        ];
        let protect = BTreeSet::new();
        assert_eq!(guarded(&changes, &protect), ["aws_db_instance.main", "Shop/Table", "Shop/Maker"]);
    }

    #[test]
    fn what_is_named_is_guarded_by_address_logical_id_or_type() {
        let changes = [
            change("terraform_data.db[0]", "terraform_data", Fate::Lost),
            change("module.x.null_resource.y[\"a\"]", "null_resource", Fate::Lost),
            change("Shop/Rule", "AWS::Events::Rule", Fate::Lost),
        ];
        for (named, found) in [
            ("terraform_data.db", "terraform_data.db[0]"),
            ("terraform_data.db[0]", "terraform_data.db[0]"),
            ("terraform_data", "terraform_data.db[0]"),
            ("module.x.null_resource.y", "module.x.null_resource.y[\"a\"]"),
            ("module.x", "module.x.null_resource.y[\"a\"]"),
            ("Rule", "Shop/Rule"),
            ("Shop/Rule", "Shop/Rule"),
        ] {
            assert_eq!(guarded(&changes, &BTreeSet::from([named.to_owned()])), [found], "{named}");
        }
        assert!(guarded(&changes, &BTreeSet::from(["y".to_owned()])).is_empty());
    }

    #[test]
    fn the_lists_name_everything_once() {
        for list in [&TERRAFORM[..], &CLOUDFORMATION[..]] {
            let names: BTreeSet<&&str> = list.iter().collect();
            assert_eq!(names.len(), list.len());
        }
    }
}
