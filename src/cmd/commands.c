#include "cmd/command.h"

#define COMMAND(name) extern const struct pl_command pl_command_##name;
#include "cmd/commands.def"
#undef COMMAND

const struct pl_command *const pl_commands[] = {
#define COMMAND(name) &pl_command_##name,
#include "cmd/commands.def"
#undef COMMAND
};
const size_t pl_n_commands = sizeof(pl_commands) / sizeof(pl_commands[0]);
