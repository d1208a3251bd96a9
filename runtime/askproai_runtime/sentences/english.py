"""The English sentences for callers: as Europeans say dates, with am and pm."""

from typing import Final

from askproai_runtime.sentences.catalogue import Sentences

# Patterns of folded questions. A child is one with an age, or may be too young.
_UP_TO_TWELVE = "two|three|four|five|six|seven|eight|nine|ten|eleven|twelve"
_A_CHILD = (
    r"\b(?:children|kids) (?:too|as well)\b|\b(?:daughter|son|child|kid|boy|girl|grandson|granddaughter) is "
    rf"(?:(?:only|just|now|already) )?(?:\d{{1,2}}|{_UP_TO_TWELVE}|\w+teen)\b"
)
_NOT_PAYING = "(?<!insurance )(?<!health )(?<!gift )(?<!loyalty )(?<!business )"  # cards

ENGLISH: Final = Sentences(
    # words between others
    or_word="or",
    and_word="and",
    # days and times
    spoken_time="{day} at {clock}",
    spoken_time_today="today, {when}",
    day="{weekday}, {number} {month}{year}",
    day_as_subject="{weekday}, {number} {month}{year}",
    written_day="{weekday}, {number} {month} {year}",
    written_time="{day}, {at}",
    written_range="{day}, {opens} to {closes}",
    about_time=", about {at}",
    at_time=", at {at}",
    from_to_time=", {opens} to {closes}",
    from_time=", from {at}",
    later_than_time=", later than {at}",
    until_time=", until {at}",
    from_to_days="{first} to {last}",
    from_day="from {first}",
    soon="as soon as possible",
    only_days=", {days}",
    except_days=", except {days}",
    # call functions as a whole
    busy="This is taking longer than usual. One moment please, I will try again.",
    call_over="This call has already ended. Please call again.",
    out_of_order="I cannot reach the calendar at the moment. Please try again in a few minutes.",
    no_information="I am sorry, I cannot tell you that at the moment. Is there anything else I can do for you?",
    not_noted="I am sorry, I could not take that down. Please call again in a few minutes.",
    still_working=(
        "This is taking longer than usual, and I do not know yet whether it worked. One moment please, I will look."
    ),
    change_unknown=(
        "I cannot see at the moment whether that worked: it may be done already. Please do not book anything twice now,"
        " but ask again in a few minutes."
    ),
    note_unknown=(
        "I cannot see at the moment whether that is noted. If nobody gets in touch with you, please call again later."
    ),
    unknown="I cannot see at the moment whether that worked.",
    or_instead="Or {question}",
    offer_message="shall I take a message for the team?",
    offer_waitlist="shall I put you on the waiting list?",
    transfer_to_team="shall I put you through to the team?",
    transfer_or_message="shall I put you through to the team, or take a message for them?",
    cannot_be_settled="I am sorry, I cannot settle that here, so everything stays as it is.",
    anything_else="is there anything else I can do for you?",
    requested=", requested and not confirmed yet",
    to_be_confirmed=", which the calendar still has to confirm",
    # slots and readings
    slot="{when} with {staff}",
    later="at {clock}",
    service_with="{service} with {staff}",
    nothing_free="I am sorry, nothing is free{staff} in the two weeks I looked through. Shall I look later?",
    bookings_paused="We take no new appointments at the moment.",
    bookings_paused_until="We take no new appointments until {day}.",
    shall_i_book="Shall I book that?",
    shall_i_move="Shall I move your appointment to that time?",
    move_where="Which of these times shall I move your appointment to?",
    which_suits="Which one suits you?",
    which_do_you_mean="Which one do you mean?",
    nothing_free_before="I am sorry, nothing is free{staff} in the last two weeks before that or in the next two weeks.",
    confirmed_when_booked="I will confirm it when I book it. {question}",
    visit_length=" That takes {length} in all{waiting}.",
    services_length=" {services} take {length} together{waiting}.",
    length_and_end=" It takes {length} in all, until {clock}.",
    one_hour="one hour",
    several_hours="{count} hours",
    one_minute="one minute",
    several_minutes="{count} minutes",
    offered="I can offer {slots}.",
    offered_by_others="Not with {staff}, but I can offer {slots}.",
    example="For example, I can offer {slots}.",
    do_you_mean="Do you mean {choices}?",
    part_or_visit="Only {service}, or {visit}?",
    # why a time is not free; `when` is a full date and time, or a longer span
    past_time="That time is already over. Which day and time do you mean?",
    past_date="{day} is already over, today is {today}. Which day and time do you mean?",
    impossible_time="There is no such day or time. Which day and time do you mean?",
    time_not_understood="I did not understand that. On which day and at what time would you like to come?",
    is_time_of_branch="Do you mean {time}, local time at our place?",
    day_not_understood="I did not understand the day. On which day would you like to come?",
    or_another_day="Or on which other day would you like to come?",
    hour_not_understood="I did not understand the time.",
    one_at_a_time="Those were several requests at once. One after the other, please: which one shall I start with?",
    who_comes_along="I did not quite understand who else is coming. Who comes besides you, and what would they like?",
    which_name="I understood two different names. Which name is right?",
    which_phone="I did not understand the telephone number clearly. Which number is right?",
    which_branch_unclear="I did not understand the branch clearly. Which branch do you mean?",
    too_soon="{when} is too short notice, I am afraid.",
    too_far="We do not book that far ahead, only until {last_day}.",
    closed_day="{day}: we are not open then{holiday}.",
    person_off="{day}: {staff} does not work{here} then.",
    nothing_free_then="{day}: nothing is free{staff} then.",
    nobody_works="{day}: nobody who does that works{here} then.",
    here=" here",
    outside_hours="{when} is outside the hours in which that is possible{staff}.",
    off_grid="{when}: no appointment starts at that time.",
    taken="{when}: nothing is free{staff} any more, I am afraid.",
    among_staff=" with {staff}",
    taken_for_group="{when}: that is not free for all {people} of you at once{staff}, I am afraid.",
    other_hours="I find nothing that fits at that time of day in the two weeks after that, either.",
    with_staff=" with {staff}",
    holiday=", it is {holiday}",
    # a request to book
    appointment="{when}, {service} with {staff}{place}",
    in_branch=" at {branch}",
    for_customer=" for {name}",
    another_beside=(
        "I have already booked that time for {booked} in this call. Shall I change the name to {name}, or is this a second"
        " appointment for {name}?"
    ),
    rename_or_another=(
        "This appointment is for {booked}. Shall I change the name to {name}, or is this a second appointment for {name}?"
    ),
    change_or_another=(
        "Shall I change that for the appointment on {appointment}? For a further appointment, please tell me the name, the day and"
        " the time."
    ),
    one_of_beside=(
        "I have already booked that time for {booked} in this call. Which of them shall I change, or is this a further"
        " appointment for {name}?"
    ),
    instead_of_part=(
        "For this time I have already booked a part of that during this call. Shall I cancel that appointment and book"
        " {service} instead, or is it for somebody else?"
    ),
    beside_or_replaced=(
        "There is an appointment around that time already: {appointment}. Is this a further one, or shall I cancel that one"
        " and book {service} instead?"
    ),
    beside_or_moved=(
        "There is an appointment around that time already: {appointment}. Is this a further one, or shall I move that one?"
    ),
    moved_beside=(
        "There is an appointment around that time already: {appointment}. Shall I move it there all the same?"
    ),
    beside_or_none="This appointment is booked already: {appointment}. Is this a further one?",
    further_or_instead=(
        "I have already booked an appointment in this call: {appointment}. Is this a further one, or shall I move that one?"
    ),
    group_further_or_instead=(
        "I have already booked appointments in this call: {appointments}. Are these further ones, or shall I move those?"
    ),
    group_further_or_cancel=(
        "I have already booked appointments in this call: {appointments}. Are these further ones, or shall I cancel those?"
    ),
    further_or_cancel=(
        "I have already booked an appointment in this call: {appointment}. Is this a further one, or shall I cancel that one?"
    ),
    nobody_does="Nobody here offers {service} at the moment. Would you like something else?",
    not_in_one_visit=(
        "I cannot book {services} as one appointment, only each of them by itself. Which one shall I begin with?"
    ),
    one_person_at_a_time=(
        "I book the same service for several people as an appointment for each. Who shall I look for first?"
    ),
    which_for_whom="{services}: which of these is for whom?",
    too_many_services="One appointment can be of up to {count} services. Which ones shall it be?",
    too_many_people="I can book up to {count} people together. How many shall I look for?",
    only_one_by_one=(
        "Our calendar does not take several appointments together, only each by itself, also at the same time if several of us are"
        " free."
    ),
    one_by_one_first="First for one person:",
    one_by_one_whom="Who shall I book first?",
    own_birth_date_each=(
        "I need each person's date of birth and therefore book each appointment by itself. Who shall I look for first?"
    ),
    services_of_companions="Who gets which service?",
    several_of_one_name="Shall I book {count} appointments for {name}, or just one?",
    group_offer_gone="It is not possible any more in the way that I offered, I am afraid.",
    name_of_companion="What is the name for the other appointment?",
    names_of_companions="What are the names for the other appointments?",
    group_partly="I have already booked an appointment for {booked} at that time. Shall I book the one for {missing} by itself?",
    when_to_book="For which day and time shall I book the appointment?",
    whose_name="In whose name may I book the appointment?",
    what_time_exactly="{reading}: at what time exactly?",
    no_appointments_here="No appointments are set up here yet.",
    nothing_bookable="I cannot book any appointments here at the moment.",
    what_to_book="What would you like to book: {services}?",
    what_to_book_of_many="What would you like to book, for example {services}?",
    that_service="That",
    service_not_found="I find nothing under {requested}.",
    no_service_found="I find nothing for that.",
    no_appointment="{requested} is not something I can book as an appointment.",
    can_book="I can book {services}.",
    can_book_some="I can book {services}, for example.",
    want_that="Would you like that?",
    want_which="Which of these would you like?",
    nobody_of_name="Nobody by the name of {name} works here.",
    not_by_person="That is not offered by {staff}.",
    person_elsewhere="{staff} does not work here, but in {branches}.",
    person_not_known="I am afraid I do not know who that is.",
    person_not_understood="I did not understand who you would like to see.",
    service_by="{service} is offered by {names}.",
    whom_to_see="Who would you like to see?",
    only_time_moved="Only the time has changed, the service and the person are the same as before.",
    rest_noted="The rest is in the notes.",
    rest_noted_of_one="This is a single appointment, the rest is in its notes.",
    not_all_noted="Some of it could not be noted.",
    nothing_else_noted="Nothing more is noted with it.",
    phone_needed="We need a telephone number for this appointment. At which number can we reach you?",
    phone_missing=(
        "I cannot see your number in this call. At which number can we reach you? I can also book the appointment without a"
        " number."
    ),
    phone_unclear=(
        "I did not get the telephone number right. At which number can we reach you? Please say it once more, digit by digit"
        " and with its area code."
    ),
    phone_half=(
        "For the phone number I understood {phone}, but that is not a complete number. Please say it once more, digit by digit and"
        " with the area code."
    ),
    booked_name=" It is under the name {name}.",
    which_full_name=" What is the full name, please, first and last?",
    phone_noted=" I have noted the phone number {phone}.",
    phone_not_noted=" I have not noted a phone number with it: the one you gave was not complete.",
    phone_was_half=" The phone number that you gave was not complete.",
    phone_as_heard="Telephone, as understood: {said}",
    is_email_right="I understood the e-mail address as {spelled}. Is that right?",
    which_email=(
        "I did not get the e-mail address right. Please spell it once more, or shall I book the appointment without an"
        " address?"
    ),
    spelled_email="{local}, at {domain}",
    # what became of a booking or a move
    booking_in_flight="I am still booking exactly this appointment. One moment please.",
    booking_refused=(
        "I am sorry, I cannot book the appointment at the moment, so it is not booked. Somebody from the team has to see"
        " to it. You can also call again later."
    ),
    just_cancelled="The appointment on {when} has just been cancelled. Would you like another one?",
    booking_requested="The appointment is requested: {when}. It is not certain yet, the team has to confirm it first.",
    booked="The appointment is booked: {when}.",
    stands_already="That appointment is already booked: {when}.",
    move_further=" If it should be moved further, please tell me the day and the time.",
    name_changed=" I have changed the name: {name}.",
    phone_changed=" I have changed the phone number: {phone}.",
    email_changed=" I have changed the e-mail address.",
    note_added=" I have noted that.",
    birth_date_changed=" I have changed the date of birth.",
    birth_date_unchanged=" I cannot change the date of birth any more, only the team can.",
    not_corrected=" I could not enter the change just now. Shall I try again?",
    instead_with="Shall I cancel it and look for a new one with {staff}?",
    team_changes_calendar=" The team will change it in its calendar, I have passed it on.",
    calendar_unchanged=" The calendar still has what it had before.",
    change_in_calendar="Please change in the calendar, {when}: {details}.",
    changed_detail="{detail}: {now} (was {before})",
    written_name="name",
    written_phone="phone",
    written_email="e-mail",
    written_note="note",
    group_booked="The appointments are booked: {first}.",
    group_stands_already="The appointments are already booked: {first}.",
    group_besides=" And {appointment}.",
    calendar_has_to_confirm=" The calendar still has to confirm it.",
    other_stays=" The other appointment on {when} stays.",
    others_stay=" The other {count} appointments for this stay.",
    which_to_move="Which appointment shall I move",
    when_to_move="To which day and time shall I move the appointment?",
    when_to_move_there="Your appointment is on {when}, and stays there. To which day and time shall I move it?",
    not_offered_any_more=(
        "I am sorry, your appointment on {when}, cannot be moved: we no longer offer that. Shall I cancel it and look"
        " for a new one?"
    ),
    say_cancel="I am sorry, it cannot be moved. If you want it cancelled, please say: cancel the appointment.",
    move_in_flight="I am still moving exactly this appointment. One moment please.",
    changed_meanwhile="The appointment has been changed in the meantime. It stays on {when}.",
    cancelled_or_over="The appointment on {when} was cancelled or is already over. Shall I look for a new one?",
    move_refused="The calendar does not allow the move. It stays on {when}.",
    move_requested="The move is requested: {when}. It is not certain yet, the team has to confirm it first.",
    moved="The appointment is moved: {when}.",
    # limits
    limit_of_call="I cannot book more than {limit} in one call, so I have not booked this one.",
    one_appointment="one appointment",
    several_appointments="{count} appointments",
    limit_of_call_for_group="I cannot book more than {limit} in one call, so I have not booked any of these.",
    limit_of_caller_for_group="I cannot book that many more appointments for your number today, so I have not booked any of them.",
    limit_of_anonymous_for_group=(
        "I cannot see your number in this call, and without it I cannot book that many appointments at the moment, so I have not"
        " booked any of them. If you withhold it, please call again with your number shown."
    ),
    limit_of_caller="I cannot book any more appointments for your number today, so I have not booked this one.",
    limit_of_anonymous=(
        "I cannot see your number in this call, and without it I cannot book any more appointments at the moment, so I have"
        " not booked this one. If you withhold it, please call again with your number shown."
    ),
    # a caller's own appointments
    past_named="That time is already over.",
    impossible_named="There is no such day or time.",
    named_not_understood="I did not understand the day or the time.",
    already_cancelled="One appointment is already cancelled.",
    none_of_number=(
        "I find no upcoming appointment under your number. If it was booked under another number, please call from that"
        " one. Otherwise, would you like a new appointment?"
    ),
    none_left="I find no further upcoming appointment. Would you like a new one?",
    number_not_shown=(
        "I cannot see your number in this call, so I cannot look up your appointments. If you withhold it, please call again"
        " with your number shown."
    ),
    not_found="I cannot find that appointment.",
    none_then="{when}: I find no appointment of yours then.",
    is_it_the_one="Do you mean the one on {appointment}?",
    is_it_of_another="I have the appointment on {appointment}, not for {name}. Do you mean that one?",
    which_of_many="You have {count} appointments. {question}? The next ones are {appointments}.",
    which_of="{question}: {appointments}?",
    one_found="You have one appointment: {when}.",
    several_found="You have {count} appointments: {appointments}{rest}.",
    and_more=", and {count} more",
    which_to_cancel="Which appointment shall I cancel",
    cannot_cancel="The appointment on {when}, can no longer be cancelled.",
    cancelled="The appointment is cancelled: {when}.",
    say_what_for_a_new_one=" For a new one, please tell me what for and when.",
    can_move_too="If you would rather move it, just say so.",
    stays="All right. Your appointment on {when}, stays.",
    shall_i_cancel="Shall I cancel your appointment on {when}?",
    yes_or_no="A yes or no is enough.",
    # verification of callers
    ask_name_and_birth_date="So that I may look it up: in whose name is the appointment, and what is the date of birth?",
    ask_name="In whose name is the appointment?",
    ask_birth_date="What is the date of birth? Please with day, month and year.",
    no_match="With these details I cannot name an appointment.",
    too_many_attempts="I cannot check that any further on the phone now.",
    # messages
    when_to_call_back="When shall we call you back? Please say it in a few words.",
    whom_for="Who is the message for? Please say only the name.",
    no_call_back="No call-back after all.",
    call_back_withdrawn="The message stays noted, with the addition: No call-back after all.",
    only_call_back="Asks to be called back.",
    message_too_long="That was a lot at once. What is the most important thing that I should pass on?",
    too_many_messages="I have already taken several messages and cannot take another one now. So I have not noted this one.",
    message_changed_too_often="I have changed this message several times. It is noted as you said it before.",
    noted="I have noted it{whom} and will pass it on.",
    not_kept="What you say in this call is not kept. What you book, and messages that you leave, stay noted.",
    call_back_noted="I have noted it{whom}. For the call-back I have noted: {when}.{number}",
    call_back_in_words="I have noted it{whom}, with your words about calling back.{number}",
    call_back_wanted="I have noted it{whom} and will pass on that you would like to be called back.{number}",
    message_for=" for {recipient}",
    message_now=" The message now says: {text}",
    in_one_message=" All of it is in one message.",
    reached_at_callers_number=" I have noted the number that you are calling from.",
    no_number_noted=" No phone number is noted with it.",
    reached_at_number=" I have noted the number {phone}.",
    reached_at_named_number=" I have noted the number that you gave.",
    caller_numbers={
        "identified": "known",
        "withheld": "not known (withheld); only one that the caller names is noted",
        "own_number": "not known (the call is forwarded); only one that the caller names is noted",
        "made_up": "not known (the carrier shows a placeholder); only one that the caller names is noted",
    },
    what_message="What may I pass on?",
    whose_message="Who may I say it is from?",
    number_to_call_back="At which number can we call you back?",
    # the waiting list
    wait_for_when="For which day or time shall I put you on the waiting list?",
    wait_for_whom="In whose name may I put you on the waiting list?",
    wait_at_number="At which number can we reach you when something becomes free?",
    no_need_to_wait="You do not need the waiting list for that.",
    wait_for_which_time="If none of these suits you, tell me the time that you would like to wait for.",
    next_possible_day="The next possible day is {day}. For which day shall I put you on the waiting list?",
    wait_for_another_day="For which other day shall I put you on the waiting list?",
    waitlist_full="I am sorry, I cannot put you on the waiting list at the moment.",
    waiting=(
        "You are on the waiting list for {service}{staff}: {requested}. {news} This is not an appointment yet."
    ),
    one_person_waits=(
        " With this I have noted one person, {name}. Whoever comes along needs an entry of their own: in which name?"
    ),
    they_wait="On the waiting list: {names}.",
    rename_or_another_waits=(
        "The waiting list has {waiting}. Shall I change the name to {name}, or is this a second entry for {name}?"
    ),
    freed_by_team="If something becomes free, the team offers it to those who wait, one after the other.",
    freed_by_message="If something becomes free and it is your turn, a message is sent to your number.",
    # branches
    wanted_appointment="the appointment",
    wanted_information="to know that",
    not_there_but="That is not offered at {branch}, but at {others}. Would you like an appointment there?",
    unknown_branch="I do not know that branch. Would you like {wanted} at {branch}?",
    otherwise_name_place="{first}Otherwise please tell me the town or the postal code of the branch you want.",
    name_place="We have several branches: please tell me the town or the postal code of the branch you want.",
    for_which_branch="For which branch would you like {wanted}? ",
    digit_for="{digit} for {branch}",
    otherwise_press="Otherwise say or press {choices}.",
    press="Say or press {choices}.",
    otherwise_there_are="Otherwise there are {branches}.",
    there_are="There are {branches}.",
    again_there="Would you like to come to {branch} again?",
    nearest="{branch} is probably the nearest. Does that suit you?",
    # business information
    which_day="Which day do you mean?",
    not_known="I am sorry, I cannot tell you that.",
    nothing_about="I have no information about {words}.",
    more_not_known="I am sorry, I cannot tell you more about that.",
    subjects={
        "parking": (r"\bpark(?:ing|s|ed)?\b|car park|garage", "I have no information about parking."),
        "age": (
            rf"\bages?\b|how old|years old|\bold enough\b|{_A_CHILD}",
            "I do not know for which ages that is.",
        ),
        "payment": (
            rf"\bpay(?:ing|ments?|pal)?\b|\bcash\b|{_NOT_PAYING}\b(?:credit |debit )?cards?\b|invoice",
            "I do not know how you can pay.",
        ),
        "access": (
            r"wheelchair|step free|\bsteps\b|\bstairs\b|elevator|\blift\b|accessib",
            "I have no information about accessibility.",
        ),
        "own_number": (
            r"\b(?:have|got|know|see) my (?:\w+ )?number\b|\bnumber (?:do|have) you (?:have|got) (?:there )?(?:for|of) me\b",
            "I cannot read your number out to you here.",
        ),
        "working_days": (r"(?!)", "I do not know who works on which day."),
        "reductions": (r"discount|reduction|reduced|concession", "I have no information about reductions."),
    },
    topics_not_known={
        "opening_hours": "I have no information about the opening hours.",
        "closed_days": "I have no information about closed days.",
        "address": "I have no information about the address.",
        "staff": "I have no information about the team.",
        "cancellation": "I have no information about the cancellation rules.",
    },
    address="The address{of_branch} is {place}{code}.",
    of_branch=" of {branch}",
    street_in_city="{street} in {city}",
    postal_code=", postal code {digits}",
    and_others=" and others",
    team_of_several="The team are {names}.",
    team_of_one="{names} is there for you.",
    speaks="{name} speaks {languages}.",
    not_on_list="I cannot find {requested} on my list. ",
    named_as_subject="{name}: that",
    costs="{service} costs {price}",
    is_free="{service} is free of charge",
    are_free="{service} are free of charge",
    services_cost="{service} cost {price} together",
    prices_not_known="I am sorry, I cannot tell you the prices.",
    not_offered_now="We do not offer {service} at the moment.",
    offered_elsewhere="{service} is not offered at {branch}, but at {others}.",
    price_not_known="I am sorry, I cannot tell you the price of {service}.",
    these_prices_not_known="I am sorry, I cannot tell you what {service} cost.",
    takes="{service} takes {length}{price}.",
    services_take="{service} take {length} together{price}.",
    takes_with="With {staff} it takes {length}{price}.",
    costs_with="With {staff} it costs {price}.",
    is_free_with="With {staff} it is free of charge.",
    price_with=", {price} with {staff}",
    free="free of charge",
    preparing=r"\b(?:what|anything|something)\b.*\bbring|bring (?:along|anything|something)|prepar|empty stomach",
    preparation_not_known="I am afraid I cannot tell you whether there is anything to bring or to mind for it.",
    of_it_waiting=", {length} of it waiting",
    and_costs=" and costs {price}",
    and_free=" and is free of charge",
    and_are_free=" and are free of charge",
    and_cost=" and cost {price}",
    which_service="Which service do you mean{names}?",
    # opening hours
    open_as_usual="In the next eight weeks we are open at the usual hours.",
    closed_beside="In the next eight weeks we are also closed {days}.",
    open_week="We are open {hours}.",
    closed_week="We are closed on {days}.",
    also_closed="We are also closed {days}.",
    every_day="every day",
    days_to="{first} to {last}",
    today="Today, {day},",
    tomorrow="Tomorrow, {day},",
    on_day="On {day},",
    on_every="On {day},",
    day_closed="{day} we are closed{holiday}.",
    day_over="{day} we were open until {until}; we are closed now.",
    day_open="{day} we are open {hours}.",
    next_opening="We open again on {day}, {hours}.",
    open_now="We are open now, until {until}.",
    closed_now="We are closed now.",
    still_open_today="Today we are open again {hours}.",
    no_appointments_that_day="But no appointments are possible on that day.",
    no_appointments_at="But no appointments are possible {times}.",
    and_further_days="{days} and on further days",
    closed_from_to="from {first} to {last}",
    closed_on="on {day}{holiday}",
    hours_from_to="from {opens} to {closes}",
    all_day="around the clock",
    # names
    weekdays=("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    habitual_weekdays=("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays"),
    months=(
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
    ),
    digits=("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    parts_of_day={
        "frueh": "early morning", "vormittag": "morning", "mittag": "midday", "nachmittag": "afternoon", "abend": "evening",
        "nacht": "night", "morning": "morning",
    },
    languages={
        "ar": "Arabic", "bg": "Bulgarian", "cs": "Czech", "da": "Danish", "de": "German", "el": "Greek", "en": "English",
        "es": "Spanish", "fa": "Persian", "fi": "Finnish", "fr": "French", "hr": "Croatian", "hu": "Hungarian", "it": "Italian",
        "ja": "Japanese", "ko": "Korean", "ku": "Kurdish", "nl": "Dutch", "no": "Norwegian", "pl": "Polish",
        "pt": "Portuguese", "ro": "Romanian", "ru": "Russian", "sk": "Slovak", "sl": "Slovenian", "sq": "Albanian",
        "sr": "Serbian", "sv": "Swedish", "th": "Thai", "tr": "Turkish", "uk": "Ukrainian", "vi": "Vietnamese",
        "zh": "Chinese",
    },
    email_signs={".": "dot", "_": "underscore", "-": "hyphen", "+": "plus", "'": "apostrophe"},
)  # fmt: skip
