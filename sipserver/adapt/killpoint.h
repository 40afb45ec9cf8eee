/* killpoint - where a test ends this process between receiving, deciding, committing and sending.
 *
 * Only a build with STANDFAST_KILL_POINTS has them: after SIGUSR1 the Nth passage of the POINT that
 * $STANDFAST_KILL names ("STEPPED:3") is the last thing the process does.
 */
#ifndef SIPSERVER_ADAPT_KILLPOINT_H
#define SIPSERVER_ADAPT_KILLPOINT_H

#ifdef STANDFAST_KILL_POINTS
void killpoint(const char *name);
#define KILL_POINT(name) killpoint(#name)
#else
#define KILL_POINT(name) ((void)0)
#endif

#endif
