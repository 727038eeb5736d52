//! The types of the members that ECS keeps as they were sent, from the ECS model.

use seatrial_aws_wire::Shape::{self, Flag, Integer, List, Map, Number, Structure, Text};

const TEXTS: Shape = List(&Text);
const PAIRS: Shape = List(&Structure(&[("name", Text), ("value", Text)]));
const SECRETS: Shape = List(&Structure(&[("name", Text), ("valueFrom", Text)]));
const PLACEMENT_CONSTRAINTS: Shape = List(&Structure(&[("type", Text), ("expression", Text)]));
const CAPACITY_PROVIDER_STRATEGY: Shape =
    List(&Structure(&[("capacityProvider", Text), ("weight", Integer), ("base", Integer)]));

/// The members of RegisterTaskDefinition.
pub(super) const TASK_DEFINITION: Shape = Structure(&[
    ("family", Text),
    ("taskRoleArn", Text),
    ("executionRoleArn", Text),
    ("networkMode", Text),
    ("containerDefinitions", List(&CONTAINER)),
    ("volumes", List(&Structure(&[("name", Text), ("host", Structure(&[("sourcePath", Text)]))]))),
    ("placementConstraints", PLACEMENT_CONSTRAINTS),
    ("requiresCompatibilities", TEXTS),
    ("cpu", Text),
    ("memory", Text),
    ("pidMode", Text),
    ("ipcMode", Text),
    ("proxyConfiguration", Structure(&[("type", Text), ("containerName", Text), ("properties", PAIRS)])),
    ("ephemeralStorage", Structure(&[("sizeInGiB", Integer)])),
    ("runtimePlatform", Structure(&[("cpuArchitecture", Text), ("operatingSystemFamily", Text)])),
    ("enableFaultInjection", Flag),
]);

const CONTAINER: Shape = Structure(&[
    ("name", Text),
    ("image", Text),
    ("repositoryCredentials", Structure(&[("credentialsParameter", Text)])),
    ("cpu", Integer),
    ("memory", Integer),
    ("memoryReservation", Integer),
    ("links", TEXTS),
    ("portMappings", List(&PORT_MAPPING)),
    ("essential", Flag),
    (
        "restartPolicy",
        Structure(&[("enabled", Flag), ("ignoredExitCodes", List(&Integer)), ("restartAttemptPeriod", Integer)]),
    ),
    ("entryPoint", TEXTS),
    ("command", TEXTS),
    ("environment", PAIRS),
    ("environmentFiles", List(&Structure(&[("value", Text), ("type", Text)]))),
    ("mountPoints", List(&Structure(&[("sourceVolume", Text), ("containerPath", Text), ("readOnly", Flag)]))),
    ("volumesFrom", List(&Structure(&[("sourceContainer", Text), ("readOnly", Flag)]))),
    ("secrets", SECRETS),
    ("dependsOn", List(&Structure(&[("containerName", Text), ("condition", Text)]))),
    ("startTimeout", Integer),
    ("stopTimeout", Integer),
    ("versionConsistency", Text),
    ("hostname", Text),
    ("user", Text),
    ("workingDirectory", Text),
    ("disableNetworking", Flag),
    ("privileged", Flag),
    ("readonlyRootFilesystem", Flag),
    ("dnsServers", TEXTS),
    ("dnsSearchDomains", TEXTS),
    ("extraHosts", List(&Structure(&[("hostname", Text), ("ipAddress", Text)]))),
    ("dockerSecurityOptions", TEXTS),
    ("interactive", Flag),
    ("pseudoTerminal", Flag),
    ("dockerLabels", Map(&Text)),
    ("ulimits", List(&Structure(&[("name", Text), ("softLimit", Integer), ("hardLimit", Integer)]))),
    ("logConfiguration", Structure(&[("logDriver", Text), ("options", Map(&Text)), ("secretOptions", SECRETS)])),
    ("healthCheck", HEALTH_CHECK),
    ("systemControls", List(&Structure(&[("namespace", Text), ("value", Text)]))),
    ("resourceRequirements", List(&Structure(&[("value", Text), ("type", Text)]))),
    ("firelensConfiguration", Structure(&[("type", Text), ("options", Map(&Text))])),
    ("credentialSpecs", TEXTS),
]);

const PORT_MAPPING: Shape = Structure(&[
    ("containerPort", Integer),
    ("hostPort", Integer),
    ("protocol", Text),
    ("name", Text),
    ("appProtocol", Text),
    ("containerPortRange", Text),
]);

const HEALTH_CHECK: Shape = Structure(&[
    ("command", TEXTS),
    ("interval", Integer),
    ("timeout", Integer),
    ("retries", Integer),
    ("startPeriod", Integer),
]);

/// The members of CreateService and UpdateService that are kept.
pub(super) const SERVICE: Shape = Structure(&[
    ("availabilityZoneRebalancing", Text),
    ("loadBalancers", List(&Structure(&[("advancedConfiguration", ADVANCED_CONFIGURATION)]))),
    ("serviceRegistries", List(&SERVICE_REGISTRY)),
    ("launchType", Text),
    ("capacityProviderStrategy", CAPACITY_PROVIDER_STRATEGY),
    ("platformVersion", Text),
    ("role", Text),
    ("deploymentConfiguration", DEPLOYMENT_CONFIGURATION),
    ("placementConstraints", PLACEMENT_CONSTRAINTS),
    ("placementStrategy", List(&Structure(&[("type", Text), ("field", Text)]))),
    ("networkConfiguration", NETWORK_CONFIGURATION),
    ("schedulingStrategy", Text),
    ("deploymentController", Structure(&[("type", Text)])),
    ("enableECSManagedTags", Flag),
    ("propagateTags", Text),
    ("enableExecuteCommand", Flag),
]);

const ADVANCED_CONFIGURATION: Shape = Structure(&[
    ("alternateTargetGroupArn", Text),
    ("productionListenerRule", Text),
    ("testListenerRule", Text),
    ("roleArn", Text),
]);

const SERVICE_REGISTRY: Shape =
    Structure(&[("registryArn", Text), ("port", Integer), ("containerName", Text), ("containerPort", Integer)]);

const NETWORK_CONFIGURATION: Shape = Structure(&[(
    "awsvpcConfiguration",
    Structure(&[("subnets", TEXTS), ("securityGroups", TEXTS), ("assignPublicIp", Text)]),
)]);

const DEPLOYMENT_CONFIGURATION: Shape = Structure(&[
    (
        "deploymentCircuitBreaker",
        Structure(&[
            ("enable", Flag),
            ("rollback", Flag),
            ("resetOnHealthyTask", Flag),
            ("thresholdConfiguration", Structure(&[("type", Text), ("value", Integer)])),
        ]),
    ),
    ("maximumPercent", Integer),
    ("minimumHealthyPercent", Integer),
    ("alarms", Structure(&[("alarmNames", TEXTS), ("rollback", Flag), ("enable", Flag)])),
    ("strategy", Text),
    ("bakeTimeInMinutes", Integer),
    ("lifecycleHooks", List(&LIFECYCLE_HOOK)),
    ("linearConfiguration", Structure(&[("stepPercent", Number), ("stepBakeTimeInMinutes", Integer)])),
    ("canaryConfiguration", Structure(&[("canaryPercent", Number), ("canaryBakeTimeInMinutes", Integer)])),
    (
        "earlySuccessCriteria",
        Structure(&[("enable", Flag), ("healthyPercent", Integer), ("sourceServiceRevisionCleanup", Text)]),
    ),
]);

const LIFECYCLE_HOOK: Shape = Structure(&[
    ("targetType", Text),
    ("hookTargetArn", Text),
    ("roleArn", Text),
    ("lifecycleStages", TEXTS),
    ("timeoutConfiguration", Structure(&[("timeoutInMinutes", Integer), ("action", Text)])),
]);

/// The members of the operations that create or change a cluster.
pub(super) const CLUSTER: Shape = Structure(&[
    ("settings", PAIRS),
    ("configuration", Structure(&[])),
    ("capacityProviders", TEXTS),
    ("defaultCapacityProviderStrategy", CAPACITY_PROVIDER_STRATEGY),
    ("serviceConnectDefaults", Structure(&[("namespace", Text)])),
]);

/// The members of RunTask that are kept.
pub(super) const RUN_TASK: Shape = Structure(&[
    (
        "overrides",
        Structure(&[
            ("containerOverrides", List(&CONTAINER_OVERRIDE)),
            ("cpu", Text),
            ("memory", Text),
            ("executionRoleArn", Text),
            ("taskRoleArn", Text),
            ("ephemeralStorage", Structure(&[("sizeInGiB", Integer)])),
        ]),
    ),
    ("launchType", Text),
    ("capacityProviderStrategy", CAPACITY_PROVIDER_STRATEGY),
    ("platformVersion", Text),
    ("enableExecuteCommand", Flag),
]);

const CONTAINER_OVERRIDE: Shape = Structure(&[
    ("name", Text),
    ("command", TEXTS),
    ("environment", PAIRS),
    ("environmentFiles", List(&Structure(&[("value", Text), ("type", Text)]))),
    ("cpu", Integer),
    ("memory", Integer),
    ("memoryReservation", Integer),
    ("resourceRequirements", List(&Structure(&[("value", Text), ("type", Text)]))),
]);
