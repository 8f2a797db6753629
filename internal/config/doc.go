// Package config reads the operator's configuration: muster.yaml over defaults,
// the environment over the file, flags over all.
//
// [Load] either returns a configuration that can be used as it stands, secrets read
// and URLs checked, or an [*Error] with every problem that was found, each with
// where it is, what is wrong and how to mend it:
//
//	muster.yaml:14: targets[1].url: is not an absolute URL; write it as https://host/path
//	MUSTER_LOG_LEVEL: log.level: is not one of debug, info, warn, error
//	--listen: listen: has no port; write it as host:port
//
// Rules:
//
//   - Unknown keys are problems, with line and column.
//   - Secrets are never written in the file: <name>_file or <name>_env says where
//     they are. An error shows no value of the file, only keys, so that a secret in
//     the wrong place does not end in a log.
//   - Relative paths in the file start from the folder of the file; in the
//     environment and in flags from the working directory.
//   - An environment variable that is set to nothing counts as not set.
//
// The package reads; it dials nothing, creates nothing and watches nothing.
package config
