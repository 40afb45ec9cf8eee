/* limits - how much one Stat Server keeps; beyond it rows are refused and counted
 * (standfast_statserver_rows_refused_total). */
#ifndef STATSERVER_LIMITS_H
#define STATSERVER_LIMITS_H

#define STATSERVER_AGENTS_MAX 10000 /* of all sites */
#define STATSERVER_QUEUES_MAX 1000
#define STATSERVER_CALLS_MAX  20000 /* in progress at this site */

#endif
