// All that a program needs which embeds Zephyr: a node, its app, and the guards.
#pragma once

#include "zephyr/crypto/random.h"
#include "zephyr/foundation/clock.h"
#include "zephyr/foundation/log.h"
#include "zephyr/http/app.h"
#include "zephyr/http/guard.h"
#include "zephyr/http/response.h"
#include "zephyr/server/node.h"
