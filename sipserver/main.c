/* sipserver - the SIP server of a site: registrar, call control, queues, agents.  The decisions are
 * in core/, the protocol in sip/, the outside world in adapt/. */
#include "common/component.h"
#include "sipserver/adapt/conf.h"
#include "sipserver/adapt/server.h"

int main(int argc, char **argv)
{
    static const struct component_hooks hooks = {
        .process = PROCESS_SIPSERVER,
        .start = server_start,
        .on_role = server_role,
        .report = server_report,
        .finish = server_finish,
        .on_conf_reset = conf_reset,
        .on_conf_change = conf_change,
        .on_conf_loaded = conf_loaded,
    };
    static struct server server;

    return component_main(argc, argv, &hooks, &server);
}
