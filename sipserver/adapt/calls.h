/* calls - the conversation with the operator's command line: calls that are up, and call records.
 *
 * Pages: a reply carries RECORDS_PAGE_MAX calls at most and says whether there are more; the asker
 * asks again from there. Nothing is kept between two requests.
 */
#ifndef SIPSERVER_ADAPT_CALLS_H
#define SIPSERVER_ADAPT_CALLS_H

struct server;
struct calls;

/* calls_new - bind the conversation; the server's records exist.  Returns: 0 or a negative errno,
 * logged. */
int calls_new(struct server *server, struct calls **ret_calls);
void calls_destroy(struct calls **calls);

#endif
