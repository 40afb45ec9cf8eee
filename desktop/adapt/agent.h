/* agent - `desktop agent`: agents' desktops without a screen, for scripts, the demo and load
 * (README.md). Prints one JSON line per event with mono_us. */
#ifndef DESKTOP_ADAPT_AGENT_H
#define DESKTOP_ADAPT_AGENT_H

/* agent_main - run until all agents are logged out or SIGTERM.  Returns the exit status: 0; 1 a
 * login was refused for good; 2 wrong command line. */
int agent_main(int argc, char **argv);

#endif
