/* The transaction tables: complete, without dead rows, and every state can be reached and left. */
#include "kit.h"

#include "sipserver/sip/transaction.h"

/* The states and events that each machine has (RFC 3261 figures 5 to 8, RFC 6026). */
static const struct {
    unsigned states, events;
    enum txn_state first;
} shape[TXN_MACHINES] = {
    [TXN_ICT] = {1u << TXN_CALLING | 1u << TXN_PROCEEDING | 1u << TXN_COMPLETED |
                     1u << TXN_ACCEPTED,
                 1u << TXN_RX_1XX | 1u << TXN_RX_2XX | 1u << TXN_RX_REFUSAL | 1u << TXN_TX_CANCEL |
                     1u << TXN_T_RESEND | 1u << TXN_T_LIFE | 1u << TXN_UNSENT,
                 TXN_CALLING},
    [TXN_NCT] = {1u << TXN_TRYING | 1u << TXN_PROCEEDING | 1u << TXN_COMPLETED,
                 1u << TXN_RX_1XX | 1u << TXN_RX_2XX | 1u << TXN_RX_REFUSAL | 1u << TXN_TX_CANCEL |
                     1u << TXN_T_RESEND | 1u << TXN_T_LIFE | 1u << TXN_UNSENT,
                 TXN_TRYING},
    [TXN_IST] = {1u << TXN_PROCEEDING | 1u << TXN_COMPLETED | 1u << TXN_CONFIRMED |
                     1u << TXN_ACCEPTED,
                 1u << TXN_RX_REQUEST | 1u << TXN_RX_ACK | 1u << TXN_TX_1XX | 1u << TXN_TX_2XX |
                     1u << TXN_TX_REFUSAL | 1u << TXN_T_RESEND | 1u << TXN_T_LIFE |
                     1u << TXN_UNSENT,
                 TXN_PROCEEDING},
    [TXN_NST] = {1u << TXN_TRYING | 1u << TXN_PROCEEDING | 1u << TXN_COMPLETED,
                 1u << TXN_RX_REQUEST | 1u << TXN_TX_1XX | 1u << TXN_TX_2XX | 1u << TXN_TX_REFUSAL |
                     1u << TXN_T_RESEND | 1u << TXN_T_LIFE | 1u << TXN_UNSENT,
                 TXN_TRYING},
};

Test(transaction, every_pair_has_a_row_and_none_is_dead)
{
    for (unsigned machine = 0; machine < TXN_MACHINES; machine++) {
        for (unsigned state = 0; state < TXN_STATES; state++) {
            for (unsigned event = 0; event < TXN_EVENTS; event++) {
                bool wanted =
                    (shape[machine].states & 1u << state) && (shape[machine].events & 1u << event);
                bool closed = false; /* an unguarded row was there */
                unsigned rows = 0;

                for (unsigned i = 0; i < txn_rows(); i++) {
                    struct txn_row r = txn_row(i);

                    if (r.machine != machine || r.from != state || r.event != event)
                        continue;
                    cr_assert(!closed, "row %u can never match", i);
                    closed = strcmp(r.guard, "always") == 0;
                    rows++;
                }
                cr_assert_eq(wanted, rows > 0 && closed, "%s, %s, %s", txn_machine_name(machine),
                             txn_state_name(state), txn_event_name(event));
            }
        }
    }
}

Test(transaction, every_state_is_reached)
{
    for (unsigned machine = 0; machine < TXN_MACHINES; machine++) {
        unsigned reached = 1u << shape[machine].first, before;

        do {
            before = reached;
            for (unsigned i = 0; i < txn_rows(); i++) {
                struct txn_row r = txn_row(i);

                if (r.machine == machine && !r.ignored && (reached & 1u << r.from))
                    reached |= 1u << r.to;
            }
        } while (reached != before);
        cr_assert_eq(reached, shape[machine].states | 1u << TXN_TERMINATED, "%s",
                     txn_machine_name(machine));
    }
}

/* A server INVITE that waits belongs to the core (a queue may hold it for long); all else ends by
 * itself. */
Test(transaction, every_other_state_is_left_by_a_timer)
{
    for (unsigned machine = 0; machine < TXN_MACHINES; machine++) {
        for (unsigned state = 0; state < TXN_STATES; state++) {
            bool left = false;

            if (!(shape[machine].states & 1u << state) ||
                (machine == TXN_IST && state == TXN_PROCEEDING))
                continue;
            for (unsigned i = 0; i < txn_rows(); i++) {
                struct txn_row r = txn_row(i);

                left |= r.machine == machine && r.from == state && r.event == TXN_T_LIFE &&
                        r.to == TXN_TERMINATED;
            }
            cr_assert(left, "%s, %s", txn_machine_name(machine), txn_state_name(state));
        }
    }
}

Test(transaction, rows_stand_in_the_order_of_machines_states_and_events)
{
    for (unsigned i = 1; i < txn_rows(); i++) {
        struct txn_row a = txn_row(i - 1), b = txn_row(i);

        cr_assert(a.machine != b.machine ? a.machine < b.machine
                  : a.from != b.from     ? a.from < b.from
                                         : a.event <= b.event,
                  "row %u", i);
    }
}

Test(transaction, every_row_says_why_and_whence)
{
    for (unsigned i = 0; i < txn_rows(); i++) {
        cr_assert_gt(strlen(txn_row(i).why), 0);
        cr_assert_eq(strncmp(txn_row(i).source, "RFC ", 4), 0);
    }
}

/* An answered call's transactions live on for 32 s; their images, which are big, do not. */
Test(transaction, what_only_absorbs_copies_holds_no_image)
{
    struct kit *k = kit_new();

    for (unsigned i = 0; i < 8; i++) {
        (void)kit_request(k, i % 2 == 0 ? SIP_INVITE : SIP_BYE);
        kit_answer(k, 0, 200, "theirs");
        cr_assert_eq(sip_live(k->stack, false), i + 1);
        cr_assert_eq(k->stack->images[TXN_SMALL].begun, 1);
        cr_assert_eq(k->stack->images[TXN_SMALL].free_n, 1);
    }
    kit_until(k, 40000);
    cr_assert_eq(sip_live(k->stack, false), 0);
    cr_assert_eq(k->stack->images[TXN_SMALL].free_n, 1);
    kit_free(k);
}
